//! What one simple command does, by its program and arguments.

use super::Found;
use super::place::Place;
use super::rules::Rule;
use super::shell::{Piece, Reading, pieces};

/// How deep commands within commands are read.
const MAX_DEPTH: usize = 4;
/// Places in one piece where a command within it may begin, as behind `sudo -u x`.
const MAX_STARTS: usize = 32;

/// Programs that are a rule by themselves.
const PROGRAMS: &[(Rule, &[&str])] = &[
    (Rule::Delete, &["shred", "srm", "wipe"]),
    (Rule::Disk, &["dd", "truncate", "mkfs", "wipefs", "fdisk", "sfdisk", "parted", "mkswap", "blkdiscard"]),
    (
        Rule::System,
        &["shutdown", "reboot", "poweroff", "halt", "telinit", "launchctl", "crontab", "iptables"],
    ),
    (Rule::System, &["nft", "ufw", "useradd", "userdel", "usermod", "passwd", "visudo", "mount", "umount"]),
    (Rule::System, &["insmod", "rmmod", "modprobe", "chroot", "nsenter"]),
    (Rule::Root, &["sudo", "su", "doas", "pkexec", "runuser", "sudoedit"]),
    (Rule::Secrets, &["printenv", "pass", "gpg", "ssh-add", "secret-tool", "keyctl", "vault", "op"]),
    (
        Rule::Network,
        &["curl", "wget", "ssh", "scp", "sftp", "rsync", "nc", "ncat", "netcat", "socat", "telnet"],
    ),
    (
        Rule::Network,
        &["ftp", "http", "https", "aria2c", "gh", "glab", "aws", "gcloud", "az", "rclone", "ngrok"],
    ),
    (Rule::Install, &["npx", "pnpx", "bunx", "uvx", "pipx"]),
    (Rule::Kill, &["kill", "pkill", "killall"]),
    (Rule::Opaque, &["eval", "source", ".", "alias", "trap"]),
    (Rule::Elsewhere, &["chdir"]),
];

/// Programs with words that have to be among their arguments.
const ARGUMENTS: &[(Rule, &[&str], &[&str])] = &[
    (Rule::History, &["git"], &["clean", "filter-branch", "filter-repo", "update-ref", "prune", "replace"]),
    (Rule::Network, &["git"], &["push", "pull", "fetch", "clone", "ls-remote", "submodule"]),
    (Rule::Discard, &["git"], &["restore", "rm", "revert"]),
    (Rule::Opaque, &["git"], &["config"]),
    (Rule::Infrastructure, &["docker", "podman", "nerdctl"], &["rm", "rmi", "prune", "down", "--privileged"]),
    (Rule::Infrastructure, &["docker-compose"], &["rm", "down"]),
    (Rule::Infrastructure, &["kubectl", "oc", "helm"], &["delete", "drain", "uninstall", "replace"]),
    (Rule::Infrastructure, &["terraform", "tofu", "pulumi"], &["destroy", "apply", "up", "-destroy"]),
    (Rule::Infrastructure, &["gh", "glab", "heroku", "fly", "flyctl", "doctl"], &["delete", "destroy", "rm"]),
    (Rule::Infrastructure, &["aws"], &["rm", "rb"]),
    (
        Rule::Publish,
        &["npm", "pnpm", "yarn", "bun", "cargo", "twine", "poetry", "uv"],
        &["publish", "upload"],
    ),
    (Rule::Publish, &["gem", "docker", "podman"], &["push"]),
    (
        Rule::Install,
        &["npm", "pnpm", "yarn", "bun"],
        &["i", "install", "add", "ci", "update", "dlx", "exec", "x"],
    ),
    (Rule::Install, &["pip", "pip3", "uv", "poetry", "conda", "gem"], &["install", "add", "sync", "update"]),
    (Rule::Install, &["cargo", "go"], &["install", "add", "get", "update"]),
    (Rule::Install, &["brew", "apt", "apt-get", "dnf", "yum", "apk", "snap"], &["install", "add", "upgrade"]),
    (Rule::Install, &["docker", "podman"], &["pull", "run", "build"]),
    (Rule::Secrets, &["security"], &["find-generic-password", "find-internet-password", "dump-keychain"]),
    (Rule::Secrets, &["gh"], &["token", "secret"]),
    (Rule::Secrets, &["kubectl", "oc"], &["secret", "secrets"]),
];

/// Programs that run the rest of their words.
const WRAPPERS: &[&str] = &[
    "!",
    "builtin",
    "busybox",
    "caffeinate",
    "chroot",
    "command",
    "do",
    "doas",
    "else",
    "elif",
    "env",
    "exec",
    "flock",
    "if",
    "ionice",
    "nice",
    "nohup",
    "nsenter",
    "parallel",
    "pkexec",
    "runuser",
    "script",
    "setsid",
    "ssh",
    "stdbuf",
    "strace",
    "su",
    "sudo",
    "then",
    "time",
    "timeout",
    "unbuffer",
    "until",
    "watch",
    "while",
    "xargs",
    "{",
];

const SHELLS: &[&str] = &["sh", "bash", "zsh", "dash", "ksh", "fish", "ash", "pwsh", "powershell"];

/// Programs that run a script they are given as an argument.
const INTERPRETERS: &[&str] = &[
    "python",
    "node",
    "nodejs",
    "perl",
    "ruby",
    "php",
    "deno",
    "bun",
    "lua",
    "osascript",
    "awk",
    "gawk",
    "tclsh",
];

/// Programs whose arguments are files that they write or delete.
const WRITERS: &[&str] = &[
    "chgrp", "chmod", "chown", "mkdir", "mv", "rm", "rmdir", "tee", "touch", "truncate", "unlink", "mkfifo",
];

/// Programs whose last argument is what they write.
const COPIERS: &[&str] = &["cp", "install", "ln", "rsync", "scp", "ditto"];

/// All of a command.
pub(super) fn assess(text: &str, found: &mut Found<'_>, depth: usize) {
    if depth == MAX_DEPTH {
        return found.add(Rule::Opaque, "commands within commands");
    }
    for reading in Reading::ALL {
        let mut flow = Flow::default();
        for piece in pieces(text, reading) {
            one(&piece, &mut flow, found, reading, depth);
        }
    }
}

/// What goes on between pieces.
#[derive(Default)]
struct Flow {
    /// What was downloaded, or decoded, flows here.
    unseen: bool,
    /// What is said in the next nested pieces is run.
    runs: bool,
}

fn one(piece: &Piece, flow: &mut Flow, found: &mut Found<'_>, reading: Reading, depth: usize) {
    for target in &piece.targets {
        found.writes(target);
    }
    if !piece.piped {
        flow.unseen = false;
        flow.runs &= piece.nested;
    }
    let words: Vec<&str> = piece.words.iter().map(String::as_str).collect();
    let mut starts = vec![0];
    let mut next = 0;
    while let Some(&start) = starts.get(next) {
        next += 1;
        let Some((program, arguments)) = command(&words[start..]) else { continue };
        simple(program, arguments, piece, found);
        let shell = SHELLS.contains(&program);
        if (flow.unseen && piece.piped && (shell || is_interpreter(program)))
            || (flow.runs && (is_remote(program) || decodes(program, arguments)))
        {
            found.add(Rule::Piped, program);
        }
        flow.unseen |= is_remote(program) || decodes(program, arguments);
        flow.runs |= shell || matches!(program, "eval" | "source" | ".");
        if shell && reading == Reading::Quoted {
            for script in arguments.iter().filter(|word| word.contains(char::is_whitespace)) {
                assess(script, found, depth + 1);
            }
        }
        if starts.len() > MAX_STARTS {
            return found.add(Rule::Opaque, "commands within commands");
        }
        for inner in within(program, arguments) {
            let inner = words.len() - arguments.len() + inner;
            if !starts.contains(&inner) {
                starts.push(inner);
            }
        }
    }
}

/// The program's name and its arguments, behind what is set for it.
fn command<'a, 'b>(words: &'b [&'a str]) -> Option<(&'a str, &'b [&'a str])> {
    let begin = words.iter().position(|word| !is_assignment(word))?;
    let program = words[begin].rsplit('/').next().unwrap_or_default();
    Some((program.strip_suffix(".exe").unwrap_or(program), &words[begin + 1..]))
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+'))
    })
}

/// Where, among the arguments, commands may begin that this program runs.
fn within(program: &str, arguments: &[&str]) -> Vec<usize> {
    let behind = |place: usize| place + 1;
    if SHELLS.contains(&program) {
        let script = |word: &&str| word.starts_with('-') && !word.starts_with("--") && word.contains('c');
        return arguments.iter().position(script).map(behind).into_iter().collect();
    }
    match program {
        "find" | "fd" => {
            let runs = |word: &str| matches!(word, "-exec" | "-execdir" | "-ok" | "-okdir" | "-x" | "-X");
            (0..arguments.len()).filter(|&n| runs(arguments[n])).map(behind).take(MAX_STARTS).collect()
        }
        "docker" | "podman" | "kubectl" | "oc" | "docker-compose" => {
            let Some(exec) = arguments.iter().position(|word| matches!(*word, "exec" | "run")) else {
                return Vec::new();
            };
            let mut inner = first_commands(&arguments[exec + 1..], true);
            inner.extend(arguments.iter().position(|word| *word == "--"));
            inner.into_iter().map(|n| n + exec + 1).filter(|n| *n < arguments.len()).collect()
        }
        program if WRAPPERS.contains(&program) => first_commands(arguments, program == "ssh"),
        _ => Vec::new(),
    }
}

/// The words behind a wrapper's own options that may be a command; `host` where one more word comes before it.
fn first_commands(arguments: &[&str], host: bool) -> Vec<usize> {
    let mut unsure = host;
    let mut found = Vec::new();
    for (n, word) in arguments.iter().enumerate() {
        if word.starts_with('-') {
            unsure = true;
        } else if !is_assignment(word) && !word.starts_with(|c: char| c.is_ascii_digit()) {
            found.push(n);
            if !unsure {
                break;
            }
            unsure = false;
        }
    }
    found.truncate(MAX_STARTS);
    found
}

fn simple(program: &str, arguments: &[&str], piece: &Piece, found: &mut Found<'_>) {
    let said = || format!("{program} {}", arguments.join(" "));
    let has = |word: &str| arguments.contains(&word);
    let flag = |short: char, long: &str| arguments.iter().any(|word| is_flag(word, short, long));
    let verbs = verbs(program, arguments);
    let name = program.split('.').next().filter(|name| *name == "mkfs").unwrap_or(program);
    for (rule, programs) in PROGRAMS {
        if programs.contains(&name) {
            found.add(*rule, &said());
        }
    }
    for (rule, programs, words) in ARGUMENTS {
        if programs.contains(&program) && words.iter().any(|word| verbs.contains(word)) {
            found.add(*rule, &said());
        }
    }
    let rule = match program {
        "rm" if flag('r', "recursive") || flag('R', "recursive") || flag('f', "force") => Some(Rule::Delete),
        "rm" | "unlink" | "rmdir" => Some(Rule::Discard),
        "find" | "fd" if has("-delete") => Some(Rule::Delete),
        "rsync" if arguments.iter().any(|word| word.starts_with("--del")) => Some(Rule::Delete),
        "git" => git(&verbs, arguments, &flag),
        "chmod" if arguments.iter().any(|word| lets_everybody(word)) => Some(Rule::Everyone),
        "chown" | "chgrp" | "setfacl" => Some(Rule::Everyone),
        "kill" if has("1") || arguments.iter().skip(1).any(|word| *word == "-1") => Some(Rule::System),
        "systemctl" | "service" if !has("status") && !has("show") && !has("cat") => Some(Rule::System),
        "sysctl" if flag('w', "write") => Some(Rule::System),
        "env" | "set" | "export" if arguments.is_empty() || has("-p") => Some(Rule::Secrets),
        "aws" | "gcloud" | "az" if arguments.iter().any(|word| deletes(word)) => Some(Rule::Infrastructure),
        "longrein" if arguments.first().is_none_or(|word| *word != "ask") => Some(Rule::Gate),
        "claude" | "codex" | "gemini" | "opencode" => Some(Rule::Gate),
        "cd" | "pushd" if arguments.iter().any(|word| found.place(word) != Place::Inside) => {
            Some(Rule::Elsewhere)
        }
        "base64" | "xxd" | "openssl" | "gunzip" if decodes(program, arguments) => Some(Rule::Opaque),
        program if is_interpreter(program) && is_inline(program, arguments, piece) => Some(Rule::Inline),
        // A name that is made only when it runs.
        program if program.contains(['$', '*', '?', '[']) => Some(Rule::Opaque),
        program if program.starts_with('{') && program.contains(',') => Some(Rule::Opaque),
        _ => None,
    };
    if let Some(rule) = rule {
        found.add(rule, &said());
    }
    let in_place = matches!(program, "sed" | "perl") && flag('i', "in-place");
    let files = || arguments.iter().filter(|word| !word.starts_with('-'));
    if WRITERS.contains(&program) || in_place {
        files().for_each(|word| found.writes(word));
    } else if COPIERS.contains(&program) {
        files().next_back().into_iter().for_each(|word| found.writes(word));
    }
    for (n, word) in arguments.iter().enumerate() {
        if let Some(target) = word.strip_prefix("of=").or_else(|| word.strip_prefix("--output=")) {
            found.writes(target);
        } else if matches!(*word, "-o" | "-O" | "--output" | "--target-directory" | "-t" | "-C" | "-d")
            && matches!(program, "curl" | "wget" | "cp" | "mv" | "tar" | "unzip")
        {
            arguments.get(n + 1).into_iter().for_each(|target| found.writes(target));
        }
    }
}

/// The words among which those are that say what is done. Not what somebody wrote, of a commit or a pull request.
fn verbs<'a>(program: &str, arguments: &[&'a str]) -> Vec<&'a str> {
    let mut options_of = false;
    let words = arguments.iter().copied().filter(|word| {
        let value = std::mem::take(&mut options_of);
        options_of =
            matches!(*word, "-C" | "-c" | "--git-dir" | "--work-tree" | "--namespace" | "-R" | "--repo");
        !value && !word.starts_with('-')
    });
    match program {
        "git" => words.take(1).collect(),
        "gh" | "glab" => words.take(2).collect(),
        _ => arguments.to_vec(),
    }
}

fn git(verbs: &[&str], arguments: &[&str], flag: &dyn Fn(char, &str) -> bool) -> Option<Rule> {
    let has = |word: &str| verbs.contains(&word);
    let said = |word: &str| arguments.contains(&word);
    let forced = |word: &&str| word.starts_with("--force") || word.starts_with('+') || word.starts_with(':');
    let lost = (has("push")
        && (flag('f', "force") || flag('d', "delete") || said("--mirror") || arguments.iter().any(forced)))
        || (has("reset") && said("--hard"))
        || (has("branch") && (flag('D', "delete") || flag('d', "delete")))
        || (has("stash") && (said("drop") || said("clear")))
        || (has("reflog") && (said("expire") || said("delete")))
        || (has("worktree") && said("remove"));
    let undone = (has("checkout") || has("switch"))
        && (flag('f', "force") || said("--") || said(".") || said("--discard-changes"));
    // Settings of this run may name programs.
    let set = arguments.iter().any(|word| *word == "-c" || word.starts_with("--exec-path"));
    lost.then_some(Rule::History)
        .or_else(|| undone.then_some(Rule::Discard))
        .or_else(|| (set && !has("commit")).then_some(Rule::Opaque))
}

/// In any spelling: alone, among other letters, long, or long and cut short.
fn is_flag(word: &str, short: char, long: &str) -> bool {
    match word.strip_prefix("--") {
        Some(name) => {
            let name = name.split('=').next().unwrap_or_default();
            !name.is_empty() && long.starts_with(name)
        }
        None => word.strip_prefix('-').is_some_and(|letters| letters.contains(short)),
    }
}

fn lets_everybody(mode: &str) -> bool {
    let octal = mode.trim_start_matches('0');
    let symbolic = mode.split(',').any(|part| {
        part.split_once(['+', '=']).is_some_and(|(who, what)| {
            what.contains('s') || (what.contains('w') && (who.contains(['o', 'a']) || who.is_empty()))
        })
    });
    let digits = (3..=4).contains(&octal.len()) && octal.bytes().all(|b| b.is_ascii_digit());
    symbolic || (digits && (octal.len() == 4 || octal.ends_with(['2', '3', '6', '7'])))
}

fn deletes(word: &str) -> bool {
    word.starts_with("delete") || word.starts_with("terminate") || word.starts_with("destroy")
}

fn is_remote(program: &str) -> bool {
    matches!(
        program,
        "curl" | "wget" | "nc" | "ncat" | "netcat" | "socat" | "ssh" | "http" | "https" | "aria2c"
    )
}

fn decodes(program: &str, arguments: &[&str]) -> bool {
    match program {
        "base64" | "base32" => {
            arguments.iter().any(|word| is_flag(word, 'd', "decode") || is_flag(word, 'D', ""))
        }
        "xxd" => arguments.iter().any(|word| is_flag(word, 'r', "revert")),
        "openssl" => arguments.contains(&"-d"),
        "gunzip" | "zcat" | "uudecode" | "rev" => true,
        _ => false,
    }
}

fn is_interpreter(program: &str) -> bool {
    let name = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    INTERPRETERS.contains(&name)
}

fn is_inline(program: &str, arguments: &[&str], piece: &Piece) -> bool {
    let script = |word: &&str| {
        matches!(*word, "-" | "eval" | "--eval" | "--print")
            || (word.starts_with('-') && !word.starts_with("--") && word.contains(['c', 'e', 'E', 'p', 'r']))
    };
    let is_awk = program.ends_with("awk") && arguments.iter().any(|word| word.contains("system"));
    let plain = !program.ends_with("awk") && arguments.iter().any(script);
    is_awk || plain || piece.heredoc || piece.piped && arguments.is_empty()
}
