# What the load tests have in common: servers that are ended again, processor time, machine facts.
# Sourced by `run` and `postgres-run`; it needs `set -euo pipefail` and a folder $work.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 2; }

need_tools() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || die "$tool is missing; on Debian: apt-get install $tool"
  done
}

# === servers ==========================================================================================

servers=() # Process ids of what runs in the background.

clean_up() {
  local pid
  for pid in ${servers[@]+"${servers[@]}"}; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}

forget_server() {
  local pid kept=()
  for pid in ${servers[@]+"${servers[@]}"}; do [[ $pid == "$1" ]] || kept+=("$pid"); done
  servers=(${kept[@]+"${kept[@]}"})
}

# end_server PID [SIGNAL]: ends one and waits until it is gone.
end_server() {
  kill "-${2:-TERM}" "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
  forget_server "$1"
}

# wait_for ADDRESS PID LOG: waits until ADDRESS accepts connections; fails when process PID ends first.
wait_for() {
  local address=$1 pid=$2 log=$3
  until (exec 3<>"/dev/tcp/${address%:*}/${address#*:}") 2>/dev/null; do
    kill -0 "$pid" 2>/dev/null || { cat "$log" >&2; die "a server ended before it listened"; }
    sleep 0.1
  done
}

rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

# === processor time ===================================================================================
# In hundredths of a second, so that no tool with fractions is needed.

# Of processes, with the children that they waited for.
ticks_of() {
  local pid sum=0
  for pid in "$@"; do
    sum=$((sum + $(awk '{ sub(/.*\) /, ""); print $12 + $13 + $14 + $15 }' "/proc/$pid/stat" 2>/dev/null || echo 0)))
  done
  echo "$sum"
}

# Of all processors: busy, and taken by the host for others (steal).
ticks_busy() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }
ticks_stolen() { awk '/^cpu / { print $9 }' /proc/stat; }

now_ms() { date +%s%3N; }

# begin_cpu PID...: from here on the processor time of these servers, of commands that this shell waits
# for, and of everything else is counted. `cpu` tells it as JSON, in hundredths of a processor.
begin_cpu() {
  cpu_servers=("$@")
  cpu_from=("$(now_ms)" "$(ticks_busy)" "$(ticks_stolen)" "$(ticks_of "$@")" "$(ticks_of $$)")
}

cpu() {
  local ms busy stolen server load other
  ms=$(($(now_ms) - cpu_from[0]))
  busy=$(($(ticks_busy) - cpu_from[1])) stolen=$(($(ticks_stolen) - cpu_from[2]))
  server=$(($(ticks_of "${cpu_servers[@]}") - cpu_from[3])) load=$(($(ticks_of $$) - cpu_from[4]))
  other=$((busy - server - load))
  jq -n --argjson ms $((ms > 0 ? ms : 1)) --argjson server "$server" --argjson load "$load" \
    --argjson other $((other > 0 ? other : 0)) --argjson stolen "$stolen" \
    '{$server, $load, $other, $stolen} | map_values(. * 1000 / $ms | round)'
}

# === facts ============================================================================================

# machine FOLDER: what a reader must know to set results side by side, as JSON.
machine() {
  local commit
  commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
  git diff --quiet HEAD 2>/dev/null || commit="$commit with changes"
  jq -n --arg commit "$commit" --arg at "$(date -u '+%Y-%m-%d %H:%M')" --argjson processors "$(nproc)" \
    --arg model "$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)" \
    --argjson memory_gib "$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" \
    --arg kernel "$(uname -r)" --arg file_system "$(df --output=fstype "$1" | tail -n 1)" \
    --arg load_average "$(cut -d' ' -f1-3 /proc/loadavg)" \
    '{$commit, $at, $processors, $model, $memory_gib, $kernel, $file_system, $load_average}'
}
