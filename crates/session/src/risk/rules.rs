//! The rules: what each is called, how much care it asks for, and why, in words. docs/approvals.md lists them all.

use crate::message::Risk;

macro_rules! rules {
    ($($name:ident: $risk:ident $id:literal $words:literal;)*) => {
        /// One rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Rule {
            $(#[doc = $words] $name,)*
        }

        impl Rule {
            /// All of them, the dangerous ones first.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in the documentation.
            #[cfg(test)]
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// How much care it asks for.
            pub fn risk(self) -> Risk {
                match self { $(Self::$name => Risk::$risk,)* }
            }

            /// Why, for people.
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }
    };
}

rules! {
    Delete: Dangerous "delete" "deletes files for good";
    History: Dangerous "history" "throws away work that git holds, or changes its history";
    Disk: Dangerous "disk" "overwrites files, disks or devices";
    Database: Dangerous "database" "deletes from a database";
    Infrastructure: Dangerous "infrastructure" "deletes containers, clusters or machines";
    Everyone: Dangerous "everyone" "lets everybody change files, or run them with more rights";
    System: Dangerous "system" "changes, stops or takes down the system";
    Root: Dangerous "root" "runs with more rights than yours";
    Piped: Dangerous "piped" "runs what it downloads or decodes, unseen";
    Publish: Dangerous "publish" "publishes something for everybody";
    Secrets: Dangerous "secrets" "touches keys, passwords or tokens";
    Gate: Dangerous "gate" "changes what the agent may do, or answers in your place";
    Outside: Dangerous "outside" "writes outside the project folder";
    Temporary: Careful "temporary" "writes where everybody's temporary files are";
    Elsewhere: Careful "elsewhere" "works in another folder than the project's";
    Network: Careful "network" "uses the network";
    Install: Careful "install" "installs or downloads packages, which may run what they bring";
    Discard: Careful "discard" "undoes changes, or deletes a file";
    Kill: Careful "kill" "ends processes";
    Hidden: Careful "hidden-file" "writes a file that tools obey: settings, build machines, git hooks";
    Inline: Careful "inline" "runs a script that is written into the command";
    Substitution: Careful "substitution" "runs a command to make a part of another one";
    Opaque: Careful "opaque" "cannot be read through: what it does shows only when it runs";
    Long: Careful "long" "has a line of more than 500 characters";
    Invisible: Careful "invisible" "has characters that cannot be seen, or that show text in another order";
}
