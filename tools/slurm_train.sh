#!/usr/bin/env bash
# Train on a Slurm cluster, one task a GPU, and go on by itself after the time limit or a preemption:
#   [GPUS=4] [GPUS_PER_NODE=4] [CPUS_PER_TASK=5] [SRUN_ARGS=…] tools/slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of tools/train.py]
# GRACE (120) seconds before the time limit Slurm sends SIGUSR1: the run is saved and leaves with status 75. A batch job is then put
# back into the queue, otherwise srun is started once more; both go on with --resume. After MAX_RESTARTS (3) restarts in a row that
# saved nothing new it stops with status 75.
set -eu
if [ $# -lt 3 ]; then
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
partition=$1
job=$2
config=$3
shift 3

stopped=75
gpus=${GPUS:-4}
gpus_per_node=${GPUS_PER_NODE:-$((gpus < 4 ? gpus : 4))}
tools=$(cd "$(dirname "$0")" && pwd)

train() {
    # SRUN_ARGS holds several words on purpose.
    # shellcheck disable=SC2086
    srun -p "$partition" --job-name="$job" --gres=gpu:"$gpus_per_node" --ntasks="$gpus" --ntasks-per-node="$gpus_per_node" \
        --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 --signal=USR1@"${GRACE:-120}" ${SRUN_ARGS:-} \
        "${PYTHON:-python}" -u "$tools/train.py" "$config" --launcher slurm "$@"
}

# A restart takes the arguments of the start, with --resume alone in place of a --resume CHECKPOINT.
name=$(basename "$config")
work=work_dirs/${name%.*}
restart=()
previous=
for argument in "$@"; do
    case $argument in
        --resume | --resume=*) ;;
        -*) restart+=("$argument") ;;
        *) [ "$previous" = --resume ] || restart+=("$argument") ;;
    esac
    case $argument in --work-dir=*) work=${argument#*=} ;; esac
    [ "$previous" != --work-dir ] || work=$argument
    previous=$argument
done
restart+=(--resume)

# Holds the number of restarts without progress, also from one start of a batch job to the next; its time is that of the last start.
restarts=$work/restarts_without_progress
mkdir -p "$work"
if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]; then
    set -- "${restart[@]}"
else
    rm -f "$restarts"
fi
trap : USR1 # it is meant for the tasks; this script waits for them

while :; do
    count=$(cat "$restarts" 2>/dev/null || echo 0)
    echo "$count" >"$restarts"
    status=0
    train "$@" || status=$?
    if [ "$status" -ne "$stopped" ]; then
        rm -f "$restarts"
        exit "$status"
    fi
    if [ "$work/last_checkpoint" -nt "$restarts" ]; then
        count=0
    elif [ "$count" -ge "${MAX_RESTARTS:-3}" ]; then
        echo "slurm_train.sh: stopped $((count + 1)) times without a new checkpoint in $work, so it is not started again." >&2
        rm -f "$restarts"
        exit "$stopped"
    else
        count=$((count + 1))
    fi
    echo "$count" >"$restarts"
    if [ -n "${SLURM_JOB_ID:-}" ] && command -v scontrol >/dev/null && scontrol requeue "$SLURM_JOB_ID"; then
        echo "slurm_train.sh: the run is saved, and job $SLURM_JOB_ID is back in the queue." >&2
        exit 0
    fi
    echo "slurm_train.sh: the run is saved, and started again." >&2
    set -- "${restart[@]}"
done
