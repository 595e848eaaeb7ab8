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


# Whatever proxy is set up is for elsewhere, and is not to see the token.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


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
        with OPENER.open(request, data) as response:
            text = response.read()
    except urllib.error.HTTPError as error:
        raise Problem(json.loads(error.read())) from None
    return json.loads(text) if text else None


def watch(over):
    """Puts what waits for a decision to the person at this terminal."""
    known, told = set(), {}

    def tell(what, why):
        # The same trouble once, and not each second.
        if told.get(what) != str(why):
            told[what] = str(why)
            print(why, file=sys.stderr)

    while not over.wait(1):
        try:
            waiting = [one["id"] for one in ask("GET", "/api/approvals")["approvals"]]
        except (Problem, OSError, ValueError) as why:
            tell(None, why)
            continue
        for one in waiting:
            if one in known:
                continue
            try:
                put(ask("GET", "/api/approvals/" + one))
                known.add(one)
            except (Problem, OSError, ValueError) as why:
                # Somebody else was faster, or it is not waited for any more; all other trouble may pass.
                if isinstance(why, Problem) and why.problem.get("status") in (404, 409):
                    known.add(one)
                tell(one, why)


def put(whole):
    """Shows one and sends what is answered."""
    print(json.dumps(whole["request"], indent=2), file=sys.stderr)
    decision = decide(whole, input)
    decision["digest"] = whole["digest"]
    ask("POST", "/api/approvals/" + whole["id"], decision)


def decide(whole, read):
    """The decision of whoever is asked by `read`; what is not understood allows nothing."""
    request, word = whole["request"], whole.get("word")
    decision = {"decision": "allow"}

    def said(want):
        return read(f"{whole['source']} in {whole['session']}: {want} ").strip()

    if request.get("questions"):
        decision["answers"] = []
        for question in request["questions"]:
            choices = [choice["id"] for choice in question["choices"]]
            answer = said(f"{question['text']} {choices} [nothing denies]")
            if not answer:
                return {"decision": "deny"}
            several = [part.strip() for part in answer.split(",")]
            several = several if question["several"] and set(several) <= set(choices) else [answer]
            decision["answers"].append(several)
        return decision
    if request.get("choices"):
        decision["choice"] = said(f"one of {request['choices']} [anything else denies]")
        if decision["choice"] not in request["choices"]:
            return {"decision": "deny"}
    elif not word and said("allow it? [y/N]").lower() not in ("y", "yes"):
        return {"decision": "deny"}
    if word:
        decision["word"] = said(f"type {word} to allow it")
        if decision["word"] != word:
            return {"decision": "deny"}
    return decision


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
