#!/usr/bin/env python3
"""A conversation with a coding agent over Longrein's HTTP API, with nothing but the standard library.

    export LONGREIN_TOKEN=$(longrein token create --scope prompt,decide --ttl 1h)
    python3 chat.py "What does this project do?" --cwd "$PWD"

Says the message, waits for the answer, and prints it with its cost. Where the agent needs a person's decision meanwhile, it
shows what is asked and takes the answer from the terminal. The same --conv goes on with the same conversation.
"""

import argparse
import json
import os
import sys
import threading
import urllib.error
import urllib.request

URL = os.environ.get("LONGREIN_URL", "http://127.0.0.1:7373")


class Problem(Exception):
    """What the API says where something cannot be done (RFC 9457)."""

    def __init__(self, problem):
        super().__init__(problem.get("detail", "unknown"))
        self.problem = problem


def ask(method, path, body=None):
    """One request; its answer, or a Problem."""
    request = urllib.request.Request(URL + path, method=method)
    request.add_header("Authorization", "Bearer " + os.environ["LONGREIN_TOKEN"])
    data = None
    if body is not None:
        request.add_header("Content-Type", "application/json")
        data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, data) as response:
            text = response.read()
    except urllib.error.HTTPError as error:
        raise Problem(json.loads(error.read())) from None
    return json.loads(text) if text else None


def watch(over):
    """Puts what waits for a decision to the person at this terminal."""
    known = set()
    while not over.wait(1):
        for waiting in ask("GET", "/api/approvals")["approvals"]:
            if waiting["id"] in known:
                continue
            known.add(waiting["id"])
            whole = ask("GET", "/api/approvals/" + waiting["id"])
            print(json.dumps(whole["request"], indent=2), file=sys.stderr)
            word = whole.get("word")
            want = f"type {word} to allow it" if word else "allow it? [y/N]"
            said = input(f"{whole['source']} in {whole['session']}: {want} ").strip()
            allow = said == word if word else said.lower() in ("y", "yes")
            decision = {"decision": "allow" if allow else "deny", "digest": whole["digest"]}
            if allow and word:
                decision["word"] = word
            try:
                ask("POST", "/api/approvals/" + whole["id"], decision)
            except Problem as why:
                # Somebody else was faster, or it is not waited for any more.
                print(why, file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("message")
    parser.add_argument("--conv", help="the conversation to go on with")
    parser.add_argument("--agent", help="which agent is started (default: claude)")
    parser.add_argument("--cwd", help="the folder that it is started in")
    parser.add_argument("--timeout", type=int, default=300, help="seconds")
    args = parser.parse_args()
    say = {"message": args.message, "timeout": args.timeout}
    for name, value in (("conv_id", args.conv), ("agent", args.agent), ("cwd", args.cwd)):
        if value:
            say[name] = value
    over = threading.Event()
    if sys.stdin.isatty():
        threading.Thread(target=watch, args=(over,), daemon=True).start()
    try:
        answer = ask("POST", "/api/chat", say)
    except Problem as why:
        print(json.dumps(why.problem, indent=2), file=sys.stderr)
        return 1
    finally:
        over.set()
    print(answer["response"])
    cost = answer["cost"]
    spent = "" if cost is None else f", ${cost:.4f}"
    print(f"[{answer['outcome']}, turn {answer['turns']}{spent}; --conv {answer['conv_id']}]", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
