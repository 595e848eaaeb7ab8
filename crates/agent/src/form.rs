//! Forms that an agent, or a tool that it uses, wants filled in: a flat JSON schema as the Model Context Protocol has it
//! (`elicitation/create`), as questions, and the answers as what the form asks for.

use crate::jsonrpc::{list_at, str_at};
use serde_json::{Map, Value};
use session::message::{Choice, Question};

/// Questions, and choices of one, that a request takes at most.
const MAX_QUESTIONS: usize = 8;
const MAX_CHOICES: usize = 16;

/// A form that can be shown whole.
#[derive(Debug, PartialEq)]
pub(crate) struct Form {
    fields: Vec<Field>,
}

#[derive(Debug, PartialEq)]
struct Field {
    name: String,
    kind: Kind,
    question: Question,
    /// The field that takes an answer which is none of the choices.
    other: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Text,
    Flag,
    Number,
    Several,
}

impl Form {
    /// Reads the schema; `None` where it asks for something that cannot be shown. A form without fields has no
    /// questions: the answer is yes or no.
    pub(crate) fn read(schema: &Value) -> Option<Self> {
        let properties = match &schema["properties"] {
            Value::Null => return Some(Self { fields: Vec::new() }),
            properties => properties.as_object()?,
        };
        let required: Vec<_> = list_at(schema, "required").iter().filter_map(Value::as_str).collect();
        let mut fields: Vec<Field> = Vec::new();
        for (name, property) in properties {
            let base = name.strip_suffix("_custom");
            // An answer of one's own to the question before it, where it is none of the choices.
            if let Some(field) = fields.iter_mut().find(|field| base == Some(&field.name)) {
                field.question.free_text = true;
                field.other = Some(name.clone());
            } else if required.is_empty() || required.contains(&name.as_str()) {
                fields.push(field(name, property)?);
            }
        }
        (fields.len() <= MAX_QUESTIONS).then_some(Self { fields })
    }

    pub(crate) fn questions(&self) -> Vec<Question> {
        self.fields.iter().map(|field| field.question.clone()).collect()
    }

    /// What is sent back; `None` where an answer is none that the form takes.
    pub(crate) fn content(&self, answers: &[Vec<String>]) -> Option<Value> {
        if answers.len() != self.fields.len() {
            return None;
        }
        let mut content = Map::new();
        for (field, answers) in self.fields.iter().zip(answers) {
            let first = answers.first()?;
            let chosen = |answer: &String| field.question.choices.iter().any(|choice| choice.id == *answer);
            let (name, value) = match (&field.kind, &field.other) {
                (Kind::Several, Some(other)) if !answers.iter().all(chosen) => {
                    let own: Vec<_> = answers.iter().filter(|answer| !chosen(answer)).cloned().collect();
                    content.insert(other.clone(), own.join("\n").into());
                    let others: Vec<_> = answers.iter().filter(|answer| chosen(answer)).cloned().collect();
                    (&field.name, others.into())
                }
                (Kind::Several, _) => (&field.name, answers.clone().into()),
                (Kind::Text, Some(other)) if !chosen(first) => (other, first.clone().into()),
                (Kind::Text, _) => (&field.name, first.clone().into()),
                (Kind::Flag, _) => (&field.name, (first == "yes").into()),
                (Kind::Number, _) => {
                    (&field.name, serde_json::from_str::<serde_json::Number>(first.trim()).ok()?.into())
                }
            };
            content.insert(name.clone(), value);
        }
        Some(content.into())
    }
}

fn field(name: &str, property: &Value) -> Option<Field> {
    let (kind, choices) = match str_at(property, "type") {
        "string" => (Kind::Text, choices(property)),
        "boolean" => (Kind::Flag, ["yes", "no"].map(plain).into()),
        "number" | "integer" => (Kind::Number, Vec::new()),
        "array" => (Kind::Several, Some(choices(&property["items"])).filter(|choices| !choices.is_empty())?),
        _ => return None,
    };
    let [title, description] = ["title", "description"].map(|name| str_at(property, name));
    let text = match (title, description) {
        ("", "") => name.to_owned(),
        (text, "") | ("", text) => text.to_owned(),
        (title, description) => format!("{title}: {description}"),
    };
    let free_text = choices.is_empty();
    let question = Question { text, choices, several: kind == Kind::Several, free_text };
    let shown = question.choices.len() <= MAX_CHOICES;
    shown.then_some(Field { name: name.to_owned(), kind, question, other: None })
}

fn plain(id: impl Into<String>) -> Choice {
    Choice { id: id.into(), about: String::new() }
}

/// The choices of a string; there are three ways to write them.
fn choices(property: &Value) -> Vec<Choice> {
    let titled = list_at(property, "oneOf").iter().chain(list_at(property, "anyOf"));
    let mut choices: Vec<_> = titled
        .filter_map(|choice| {
            let id = choice["const"].as_str()?;
            let title = Some(str_at(choice, "title")).filter(|title| *title != id);
            let about: Vec<_> = title.into_iter().chain([str_at(choice, "description")]).collect();
            let about = about.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
            Some(Choice { id: id.to_owned(), about })
        })
        .collect();
    let names = list_at(property, "enumNames");
    choices.extend(list_at(property, "enum").iter().enumerate().filter_map(|(n, id)| {
        let about = names.get(n).and_then(Value::as_str).unwrap_or("").to_owned();
        Some(Choice { id: id.as_str()?.to_owned(), about })
    }));
    choices
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_field_is_asked_and_answered() {
        let form = Form::read(&json!({"type": "object", "properties": {
            "a": {"type": "string", "title": "Colour", "oneOf": [{"const": "r", "title": "Red", "description": "warm"}]},
            "a_custom": {"type": "string"},
            "b": {"type": "boolean", "description": "Sure?"},
            "c": {"type": "array", "items": {"type": "string", "enum": ["x", "y"]}},
            "d": {"type": "integer"},
            "e": {"type": "string"},
        }}))
        .unwrap();
        let questions = form.questions();
        let texts: Vec<_> = questions.iter().map(|question| question.text.as_str()).collect();
        assert_eq!(texts, ["Colour", "Sure?", "c", "d", "e"]);
        assert_eq!(questions[0].choices, [Choice { id: "r".into(), about: "Red: warm".into() }]);
        assert!(questions[0].free_text && !questions[1].free_text && questions[2].several);
        let answers = |all: [&[&str]; 5]| all.map(|list| list.iter().map(|&text| text.to_owned()).collect());
        assert_eq!(
            form.content(&answers([&["r"], &["no"], &["x", "y"], &["7"], &["hm"]])),
            Some(json!({"a": "r", "b": false, "c": ["x", "y"], "d": 7, "e": "hm"}))
        );
        assert_eq!(
            form.content(&answers([&["green"], &["yes"], &["x"], &["1.5"], &["hm"]])),
            Some(json!({"a_custom": "green", "b": true, "c": ["x"], "d": 1.5, "e": "hm"}))
        );
        assert_eq!(form.content(&answers([&["r"], &["yes"], &["x"], &["many"], &["hm"]])), None);
        assert_eq!(form.content(&[]), None);
    }

    #[test]
    fn what_cannot_be_shown_whole_is_no_form() {
        let with = |property: Value| Form::read(&json!({ "properties": { "a": property } }));
        assert_eq!(with(json!({"type": "object"})), None);
        assert_eq!(with(json!({"type": "array", "items": {"type": "string"}})), None);
        let many: Vec<_> = (0..17).map(|n| n.to_string()).collect();
        assert_eq!(with(json!({"type": "string", "enum": many})), None);
        assert_eq!(Form::read(&json!({"properties": 7})), None);
        assert_eq!(Form::read(&Value::Null), Some(Form { fields: Vec::new() }));
    }
}
