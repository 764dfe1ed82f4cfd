//! Shows the faults of settings files: file, line, column, the text underlined, and what to write instead.

use crate::finding::{Finding, Severity};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};
use std::collections::BTreeMap;
use std::path::Path;

/// The findings as text for people; `texts` gives each file's content by the name in the finding's path.
#[must_use]
pub fn render(findings: &[Finding], texts: &BTreeMap<String, String>, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut shown = String::new();
    for finding in findings {
        let level = match finding.severity {
            Severity::Warning => Level::WARNING,
            Severity::AcceptWithErrors | Severity::Reject => Level::ERROR,
        };
        let title = level.primary_title(finding.message.as_str()).id(finding.code);
        // What stands there is a secret: its place is told, the line is not shown.
        let secret = finding.code == "secret_in_profile";
        let text = texts.get(&finding.location.path).filter(|_| !secret);
        let mut group = match text {
            Some(text) => title.element(
                Snippet::source(text.as_str())
                    .path(finding.location.path.as_str())
                    .annotation(AnnotationKind::Primary.span(span(text, finding))),
            ),
            None if finding.location.path.is_empty() => title.elements(Vec::<Element<'_>>::new()),
            None => title.element(
                Origin::path(finding.location.path.as_str())
                    .line(finding.location.line as usize)
                    .char_column(usize::from(finding.location.element)),
            ),
        };
        if !finding.hint.is_empty() {
            group = group.element(Level::HELP.message(finding.hint.as_str()));
        }
        shown.push_str(&renderer.render(&[group]));
        shown.push_str("\n\n");
    }
    shown
}

/// Reads the files that findings name, below `root`.
#[must_use]
pub fn texts(findings: &[Finding], root: &Path) -> BTreeMap<String, String> {
    let names = findings.iter().map(|finding| finding.location.path.clone());
    names.filter_map(|name| Some((name.clone(), std::fs::read_to_string(root.join(&name)).ok()?))).collect()
}

/// The bytes to underline: the value or key that begins at the finding's byte.
fn span(text: &str, finding: &Finding) -> std::ops::Range<usize> {
    let start = usize::try_from(finding.location.byte).unwrap_or(0).min(text.len());
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let length = match line.chars().next() {
        Some(quote @ ('"' | '\'')) => line.get(1..).and_then(|inner| inner.find(quote)).map(|end| end + 2),
        Some('[') => line.find(']').map(|end| if line.starts_with("[[") { end + 2 } else { end + 1 }),
        Some('{') => line.find('}').map(|end| end + 1),
        _ => line.find(|c: char| c == '=' || c == ',' || c.is_whitespace()),
    };
    start..start + length.unwrap_or(line.len()).min(line.len())
}
