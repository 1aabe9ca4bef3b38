#!/usr/bin/env bash
# Shared by dist_train.sh and dist_test.sh:  _torchrun.sh SCRIPT RANKS [arguments of the script]
# Several machines: the same line on each, with NNODES, NODE_RANK, MASTER_ADDR and PORT set.
set -eu
script=$1
ranks=$2
shift 2

if [ "${NNODES:-1}" -gt 1 ]; then
    meeting=(--nnodes="$NNODES" --node_rank="${NODE_RANK:?set NODE_RANK to 0 … NNODES-1}"
        --master_addr="${MASTER_ADDR:?set MASTER_ADDR to the first machine}" --master_port="${PORT:-29500}")
elif [ -n "${PORT:-}" ]; then
    meeting=(--nnodes=1 --master_addr=127.0.0.1 --master_port="$PORT")
else
    meeting=(--standalone) # takes a free port, so two trainings on one machine do not meet
fi
# Where torchrun can, let it hand SIGUSR1 on like SIGTERM: both make the training save and stop.
signals=()
options='import importlib.util as u, pathlib; print((pathlib.Path(u.find_spec("torch").origin).parent / "distributed/run.py").read_text())'
if [[ $("${PYTHON:-python}" -c "$options" 2>/dev/null) == *--signals-to-handle* ]]; then
    signals=(--signals-to-handle=SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1)
fi
exec "${PYTHON:-python}" -m torch.distributed.run "${meeting[@]}" ${signals[@]+"${signals[@]}"} --nproc_per_node="$ranks" "$script" "$@" --launcher pytorch
