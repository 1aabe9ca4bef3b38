#!/usr/bin/env bash
# Train on several ranks, GPUs with nccl or CPU processes with gloo:
#   tools/dist_train.sh CONFIG RANKS [arguments of tools/train.py]
# RANKS is the number on this machine. Several machines: the same line on each, with NNODES, NODE_RANK, MASTER_ADDR and PORT set.
set -eu
if [ $# -lt 2 ]; then
    sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
tools=$(cd "$(dirname "$0")" && pwd)
exec bash "$tools/_torchrun.sh" "$tools/train.py" "$2" "$1" "${@:3}"
