//! Plans that were written down and not yet allowed: what is asked does not always say which plan it is about.

use super::tool::text_of;
use serde_json::Value;
use std::path::Path;

/// The plans that were heard of.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// The last call that asks to go on with one, and what it said.
    said: Option<(String, String)>,
    /// What stands in the file that they are written to.
    file: Option<String>,
}

impl Plans {
    /// A call is made.
    pub(super) fn hear(&mut self, call: &str, name: &str, input: &Value) {
        let path = text_of(input, "file_path");
        let is_plan =
            path.contains("/plans/") && Path::new(path).extension().is_some_and(|kind| kind == "md");
        match name {
            "ExitPlanMode" => self.said = Some((call.to_owned(), text_of(input, "plan").to_owned())),
            "Write" if is_plan => self.file = Some(text_of(input, "content").to_owned()),
            // What stands there now is not known here.
            "Edit" | "MultiEdit" if is_plan => self.file = None,
            _ => {}
        }
    }

    /// What was said is about nothing that comes.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The plan that this call is about, or, where it is not said which call it is, the last one.
    pub(super) fn of(&self, call: Option<&str>) -> Option<&str> {
        let this = |(id, plan): &&(String, String)| call.is_none_or(|call| call == id) && !plan.is_empty();
        self.said.as_ref().filter(this).map(|(_, plan)| plan.as_str()).or(self.file.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plan_is_that_of_the_call_or_of_the_file() {
        let mut plans = Plans::default();
        assert_eq!(plans.of(None), None);
        plans.hear("1", "Write", &json!({"file_path": "/home/dev/.claude/plans/a.md", "content": "filed"}));
        plans.hear("2", "Write", &json!({"file_path": "/home/dev/app/a.md", "content": "other"}));
        assert_eq!(plans.of(Some("3")), Some("filed"));
        plans.hear("3", "ExitPlanMode", &json!({"plan": "said"}));
        assert_eq!(
            (plans.of(Some("3")), plans.of(None), plans.of(Some("4"))),
            (Some("said"), Some("said"), Some("filed"))
        );
        plans.hear("5", "Edit", &json!({"file_path": "/home/dev/.claude/plans/a.md"}));
        assert_eq!(plans.of(Some("4")), None);
    }
}
