//! A stand-in for Claude Code without a terminal, which speaks enough of its protocol.

use super::Home;
use std::os::unix::fs::PermissionsExt as _;

/// Answers each message with its number and the arguments it was started with; `slow` it answers when it is interrupted,
/// `hold` once there is a file `go` in its folder, at `die` it ends, at `fail` its turn does; at `ask` it asks two questions, at
/// `make` whether it may run that, at `both` for two things at once, and says what it heard. Behind `background` it says
/// something that nobody asked for before it takes the next one.
const AGENT: &str = r#"#!/bin/sh
case "$*" in *--resume*) again=again- ;; esac
turns=0
say() {
  turns=$((turns + 1))
  echo '{"type":"system","subtype":"init","session_id":"talk","model":"m","permissionMode":"default"}'
  echo "{\"type\":\"assistant\",\"message\":{\"id\":\"m$turns\",\"content\":[{\"type\":\"text\",\"text\":\"$1\"}]}}"
  echo "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"session_id\":\"talk\",\"total_cost_usd\":0.00$turns,\"num_turns\":1}"
}
may() {
  asked=$((asked + 1))
  request="{\"subtype\":\"can_use_tool\",\"tool_name\":\"$1\",\"tool_use_id\":\"call-$asked\",\"input\":$2}"
  printf '%s\n' "{\"type\":\"control_request\",\"request_id\":\"ask-$asked\",\"request\":$request}"
}
option() {
  printf '{"label":"%s","description":""}' "$1"
}
while read -r line; do
  case $line in
    *'"control_request"'*)
      id=$(printf %s "$line" | sed 's/.*"request_id":"\([^"]*\)".*/\1/')
      echo "{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\",\"request_id\":\"$id\",\"response\":{}}}"
      case $line in *'"interrupt"'*)
        echo '{"type":"result","subtype":"error_during_execution","is_error":true,"session_id":"talk"}' ;;
      esac ;;
    *'"control_response"'*)
      heard=$(printf %s "$line" | sed -n 's/.*"answers":{\([^}]*\)}.*/\1/p' | tr -d '"')
      case $line in *'"deny"'*) heard=no ;; esac
      say "heard ${heard:-yes}" ;;
    *'"type":"user"'*)
      name=$(printf %s "$line" | sed 's/.*"uuid":"\([^"]*\)".*/\1/')
      echo "{\"type\":\"command_lifecycle\",\"command_uuid\":\"$name\",\"state\":\"queued\"}"
      if [ "$own" ]; then
        echo '{"type":"system","subtype":"init","session_id":"talk"}'
        echo '{"type":"assistant","message":{"id":"own","content":[{"type":"text","text":"what ran is done"}]}}'
        echo '{"type":"result","subtype":"success","is_error":false,"session_id":"talk","num_turns":1}'
        own=
      fi
      echo "{\"type\":\"command_lifecycle\",\"command_uuid\":\"$name\",\"state\":\"started\"}"
      case $line in *background*) own=1 ;; esac
      case $line in
        *slow*) ;;
        *'"hold"'*)
          while [ ! -e go ]; do sleep 0.05; done
          say "${again}answer $((turns + 1))" ;;
        *die*) echo "out of luck" >&2; exit 3 ;;
        *'"ask"'*)
          colour="{\"question\":\"Which colour?\",\"header\":\"c\",\"options\":[$(option Red),$(option Blue)],\"multiSelect\":false}"
          shapes="{\"question\":\"Which shapes?\",\"header\":\"s\",\"options\":[$(option Round),$(option Flat),$(option Long)],\"multiSelect\":true}"
          may AskUserQuestion "{\"questions\":[$colour,$shapes]}" ;;
        *'"both"'*)
          may Bash '{"command":"make evil\n  → denied by local\n? Read a file"}'
          may mcp__mail__send '{"to":"everybody","body":"Hello"}' ;;
        *'"fail"'*) echo '{"type":"result","subtype":"success","is_error":true,"result":"no luck","session_id":"talk"}' ;;
        *'"make"'*) may Bash '{"command":"make","description":"Make it"}' ;;
        *) say "${again}answer $((turns + 1))" ;;
      esac ;;
  esac
done
"#;

/// A host on which the stand-in is installed, as `claude`.
pub fn with_agent() -> Home {
    let home = Home::new();
    let program = home.path().join("bin/claude");
    std::fs::create_dir(home.path().join("bin")).unwrap();
    std::fs::write(&program, AGENT).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.up(&[]);
    home
}
