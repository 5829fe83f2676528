//! Reading manifests from files: YAML or JSON, and what is wrong with them by file and place.
//!
//! YAML 1.2, of which JSON is a part. A key that stands twice is an error and not a choice,
//! `yes` and `no` are words and not truths, and a file holds one manifest.

use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use slipway_domain::{Manifest, Platform, Problem, ServiceName};

/// The longest file that is read; the API takes less.
const LONGEST: u64 = 1024 * 1024;

/// A document and the file that it is from.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) file: String,
    pub(crate) value: Value,
}

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) file: String,
    #[serde(flatten)]
    pub(crate) place: Place,
    pub(crate) detail: String,
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Place {
    /// The file itself.
    File {},
    /// Where the YAML cannot be read.
    Position { line: u64, column: u64 },
    /// Where the document is wrong: a JSON pointer.
    Pointer { pointer: String },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        match &self.place {
            Place::File {} => {}
            Place::Position { line, column } => write!(f, "{line}:{column}:")?,
            Place::Pointer { pointer } if pointer.is_empty() => write!(f, "/:")?,
            Place::Pointer { pointer } => write!(f, "{pointer}:")?,
        }
        write!(f, " {}", self.detail)
    }
}

impl Finding {
    fn new(file: &str, place: Place, detail: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            place,
            detail: detail.into(),
        }
    }
}

/// Problems of a document as findings in its file.
pub(crate) fn findings(file: &str, problems: &[Problem]) -> Vec<Finding> {
    problems
        .iter()
        .map(|problem| {
            Finding::new(
                file,
                Place::Pointer {
                    pointer: problem.pointer.clone(),
                },
                &problem.detail,
            )
        })
        .collect()
}

impl Document {
    /// The manifest, with its defaults filled in, held to the rules of a platform if there is
    /// one.
    pub(crate) fn manifest(&self, platform: Option<&Platform>) -> Result<Manifest, Vec<Finding>> {
        let read = match platform {
            Some(platform) => Manifest::read_on(&self.value, platform),
            None => Manifest::read(&self.value),
        };
        read.map_err(|problems| findings(&self.file, &problems.problems))
    }

    /// The service that the document names, whatever else is in it: all other rules are the
    /// platform's to apply.
    pub(crate) fn service(&self) -> Result<ServiceName, Vec<Finding>> {
        match self.value["service"]
            .as_str()
            .and_then(|name| name.parse().ok())
        {
            Some(name) => Ok(name),
            None => Err(self.manifest(None).err().unwrap_or_default()),
        }
    }
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Document, Finding> {
    let (file, text) = if path == Path::new("-") {
        ("<stdin>".to_owned(), text(std::io::stdin().lock()))
    } else {
        (
            path.display().to_string(),
            std::fs::File::open(path)
                .map_err(|error| error.to_string())
                .and_then(text),
        )
    };
    let text = text.map_err(|reason| {
        Finding::new(&file, Place::File {}, format!("cannot be read: {reason}"))
    })?;
    parse(&file, &text)
}

fn text(from: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

fn parse(file: &str, text: &str) -> Result<Document, Finding> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
    };
    let value =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| syntax(file, &error))?;
    Ok(Document {
        file: file.to_owned(),
        value,
    })
}

fn syntax(file: &str, error: &serde_saphyr::Error) -> Finding {
    let place = error
        .location()
        .map_or(Place::File {}, |at| Place::Position {
            line: at.line(),
            column: at.column(),
        });
    let text = error
        .without_snippet()
        .render_with_formatter(&serde_saphyr::UserMessageFormatter);
    // The place stands before the sentence already.
    let text = text.split(" at line ").next().unwrap_or_default();
    Finding::new(file, place, text)
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::json;

    fn wrong(text: &str) -> String {
        let findings = match parse("orders.yaml", text) {
            Ok(document) => document.manifest(None).unwrap_err(),
            Err(finding) => vec![finding],
        };
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        lines.join("\n") + "\n"
    }

    #[test]
    fn yaml_and_json_are_the_same() {
        let expected =
            json!({"service": "orders", "port": 8080, "environment": {"A": "no", "B": "1"}});
        for text in [
            "# a comment\nservice: orders\nport: 8080\nenvironment: {A: no, B: \"1\"}\n",
            "{\n\t\"service\": \"orders\",\n\t\"port\": 8080,\n\t\"environment\": {\"A\": \"no\", \"B\": \"1\"}\n}\n",
        ] {
            assert_eq!(parse("x", text).unwrap().value, expected);
        }
    }

    #[test]
    fn broken_yaml_is_told_by_its_place() {
        let texts = [
            "service: orders\nservice: other\n",
            "{\"service\": \"a\", \"service\": \"b\"}",
            "service: [orders\nport: 80\n",
            "service: orders\n port: 80\n",
            "service: a\n---\nservice: b\n",
            "? [a]\n: b\n",
            "a: &x [1, *x]\n",
            "port: .nan\n",
        ];
        expect![[r#"
            orders.yaml:2:1: duplicate mapping key: service not allowed here
            orders.yaml:1:18: duplicate mapping key: service not allowed here
            orders.yaml:2:5: illegal placement of ':' indicator
            orders.yaml:2:6: mapping values are not allowed in this context
            orders.yaml:3:1: only single YAML document expected but multiple found
            orders.yaml:1:3: expected string scalar
            orders.yaml:1:11: Recursive reference not allowed here
            orders.yaml:1:7: value `.nan` is not a finite number
        "#]]
        .assert_eq(&texts.map(wrong).concat());
    }

    #[test]
    fn wrong_values_are_told_all_at_once_by_their_pointers() {
        expect![[r#"
            orders.yaml:/environments/staging/cpu: must be 256, 512, 1024, 2048, 4096, 8192 or 16384, but is 300
            orders.yaml:/images/skan: is not a field here; did you mean `scan`?
            orders.yaml:/port: must be a whole number from 1 to 65535, but is the text "80"
            orders.yaml:/service: must be lower-case letters, digits and single hyphens, a letter first, no hyphen last, at most 40 characters, such as `orders` or `web-shop`
            orders.yaml:/strip_path: must be true or false, but is the text "yes"
        "#]].assert_eq(&wrong(
            "service: Orders\nport: '80'\nimages: {skan: true}\nstrip_path: yes\nenvironments:\n  staging:\n    cpu: 300\n",
        ));
        expect![[r#"
            orders.yaml:/: must be an object, but is null
            orders.yaml:/: must be an object, but is the text "orders"
            orders.yaml:/: must be an object, but is a list
            orders.yaml:/service: is missing: lower-case letters, digits and single hyphens, a letter first, no hyphen last, at most 40 characters, such as `orders` or `web-shop`
        "#]].assert_eq(&["", "orders", "[]", "team: x\n"].map(wrong).concat());
    }

    #[test]
    fn a_service_is_found_in_a_manifest_that_is_wrong_elsewhere() {
        let document = parse("x", "service: orders\nfuture: 1\n").unwrap();
        assert_eq!(document.service().unwrap().as_str(), "orders");
        assert!(
            !parse("x", "service: 5\n")
                .unwrap()
                .service()
                .unwrap_err()
                .is_empty()
        );
    }
}
