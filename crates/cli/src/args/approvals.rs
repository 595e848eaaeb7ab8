//! Of what is asked of a person, and what a person decides.

use crate::duration;
use clap::Args;
use clap::builder::{StringValueParser, TypedValueParser as _};

#[derive(Debug, Args)]
pub struct Ask {
    /// The question
    pub question: String,
    /// What there is to choose from, such as staging,production: 2 to 16; blanks around them do not count
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', value_parser = StringValueParser::new().map(|choice| choice.trim().to_owned()))]
    pub choices: Vec<String>,
    /// Take a text as (or with) the answer
    #[arg(long)]
    pub text: bool,
    /// How long to wait, such as 90s, 30m or 2h: ten seconds to a week (default: an hour)
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub timeout: Option<u32>,
    /// It is dangerous: whoever allows it has to type a word
    #[arg(long)]
    pub danger: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Notify {
    /// What is to be known: at most 1000 characters
    pub text: String,
}

#[derive(Debug, Args)]
pub struct Waiting {
    /// What is asked
    pub question: String,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Approvals {
    /// A host this machine has joined (default: this machine)
    pub host: Option<String>,
    /// Those that are over, too: the last ones of each session
    #[arg(long)]
    pub all: bool,
    /// What was decided in all sessions, whether they run or not, the last decision first
    #[arg(long, conflicts_with = "all")]
    pub history: bool,
    /// At most so many of the history
    #[arg(long, value_name = "N", default_value_t = 50, requires = "history", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// What is allowed until a session ends; `longrein revoke --grant ID` takes it back
    #[arg(long, conflicts_with_all = ["all", "history"])]
    pub granted: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Approve {
    /// An approval's id or the start of it, or HOST/ID
    pub approval: String,
    /// What is chosen, where there is a choice
    #[arg(long)]
    pub choice: Option<String>,
    /// The answer to a question, once for each, in their order; where one takes several: A,B
    #[arg(long = "answer", value_name = "ANSWER")]
    pub answers: Vec<String>,
    /// A text, where one is taken
    #[arg(long)]
    pub text: Option<String>,
    /// The word that a dangerous one wants
    #[arg(long)]
    pub word: Option<String>,
    /// And exactly the same until the session ends, where that is offered
    #[arg(long)]
    pub for_session: bool,
}

#[derive(Debug, Args)]
pub struct Deny {
    /// An approval's id or the start of it, or HOST/ID
    pub approval: String,
    /// Why, for whoever asked; with a plan, what is to be different
    #[arg(long)]
    pub reason: Option<String>,
}
