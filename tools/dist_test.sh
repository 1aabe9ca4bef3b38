#!/usr/bin/env bash
# Evaluate on several ranks, GPUs with nccl or CPU processes with gloo:
#   tools/dist_test.sh CONFIG CHECKPOINT RANKS [arguments of tools/test.py]
# RANKS is the number on this machine. Several machines: the same line on each, with NNODES, NODE_RANK, MASTER_ADDR and PORT set.
set -eu
if [ $# -lt 3 ]; then
    sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
tools=$(cd "$(dirname "$0")" && pwd)
exec bash "$tools/_torchrun.sh" "$tools/test.py" "$3" "$1" "$2" "${@:4}"
