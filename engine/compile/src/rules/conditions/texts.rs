//! Conditions on texts: words, regular expressions, domains.

use casebook_runtime::{
    model::{Matching, Text, domain, normal},
    rules::Test,
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Hint, Report, suggest},
    spec::OneOf,
};
use regex::RegexBuilder;

use super::{ColumnCompiler, MAX_REGEX_BYTES, MAX_REGEXES};

impl ColumnCompiler<'_> {
    /// Refuses text operators where there is no text.
    pub(super) fn words(&self, path: &str, lists: bool, report: &mut Report) -> Option<()> {
        let list = self.column.kind == ValueType::List && !self.column.is_nested();
        if self.column.kind.is_text() || lists && list {
            return Some(());
        }
        let hint = match self.column.kind {
            ValueType::Set => "a set is compared with `has_any`, `has_all`, `only` or `count`",
            ValueType::List => "the entries of a list are compared with `some`, `every`, `none` and `count`",
            ValueType::Object => "the properties of an object are compared with `where`",
            _ => "text operators need a field of type `text`, `address` or `url`",
        };
        self.misfit(path, hint, report);
        None
    }

    /// The texts that a field of texts, or a list, is to hold.
    pub(super) fn needles(&self, path: &str, texts: &[String], listed: bool, report: &mut Report) -> Option<Vec<Text>> {
        self.words(path, true, report)?;
        let before = report.diagnostics.len();
        let place = |at| if listed { format!("{path}/{at}") } else { path.to_owned() };
        let needles = texts.iter().enumerate().filter_map(|(at, text)| self.filled(&place(at), text, report)).collect();
        (report.diagnostics.len() == before).then_some(needles)
    }

    /// The names that a set is compared with.
    pub(super) fn names(&self, path: &str, names: &[String], report: &mut Report) -> Option<Vec<String>> {
        if self.column.kind != ValueType::Set {
            self.misfit(path, "`has_any`, `has_all` and `only` need a field of type `set`", report);
            return None;
        }
        let before = report.errors();
        for (at, name) in names.iter().enumerate().filter(|(_, name)| !self.column.values.contains(name)) {
            let known = || self.column.values.iter().map(String::as_str);
            report.push(
                self.scope
                    .document
                    .at(
                        Code::BadCondition,
                        format!("{path}/{at}"),
                        format!("`{}` cannot have `{name}`", self.column.name),
                    )
                    .maybe_hint(suggest(name, known())),
            );
        }
        (report.errors() == before).then(|| names.to_vec())
    }

    /// The text that a field of texts is to begin or end with.
    pub(super) fn needle(&self, path: &str, text: &str, report: &mut Report) -> Option<Text> {
        self.words(path, false, report)?;
        self.filled(path, text, report)
    }

    /// Refuses a text that no other text can contain.
    pub(super) fn filled(&self, path: &str, text: &str, report: &mut Report) -> Option<Text> {
        let needle = Text::new(text);
        if self.column.kind.is_text() && needle.is_empty() {
            report.push(
                self.scope
                    .document
                    .at(Code::BadCondition, path, format!("`{text}` is empty: there is nothing to look for"))
                    .hint(format!("write a text to look for; `eq: \"\"` finds an empty `{}`", self.column.name)),
            );
            return None;
        }
        Some(needle)
    }

    pub(super) fn regex(&self, path: &str, pattern: &str, matching: Matching, report: &mut Report) -> Option<Test> {
        if pattern.is_empty() {
            report.push(
                self.scope
                    .document
                    .at(Code::BadCondition, path, "the regular expression is empty: every text matches")
                    .hint("write what to look for; `exists: true` finds any text"),
            );
            return None;
        }
        let count = self.scope.regexes.replace(self.scope.regexes.get() + 1);
        if count >= MAX_REGEXES {
            if count == MAX_REGEXES {
                let message = format!("the pack has more than {MAX_REGEXES} regular expressions");
                report.push(
                    self.scope
                        .document
                        .at(Code::TooManyNodes, path, message)
                        .hint("use `contains_any` and `starts_with` where they do"),
                );
            }
            return None;
        }
        let regex = RegexBuilder::new(&normal::composed(pattern))
            .case_insensitive(!matching.case_sensitive)
            .size_limit(MAX_REGEX_BYTES)
            .dfa_size_limit(MAX_REGEX_BYTES)
            .build();
        match regex {
            Ok(regex) => Some(Test::Matches(regex, matching.case_sensitive)),
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                report.push(
                    self.scope
                        .document
                        .at(Code::BadRegex, path, format!("the regular expression does not compile: {last}"))
                        .hint(if last.contains("unclosed group") {
                            "close the group with `)`, or write `\\(` for a bracket that is text"
                        } else {
                            "there is no look-around and no back-reference; put single quotes around a pattern with backslashes"
                        }),
                );
                None
            }
        }
    }

    pub(super) fn domain(&self, path: &str, domains: &OneOf, report: &mut Report) -> Option<Test> {
        if !matches!(self.column.kind, ValueType::Address | ValueType::Url) {
            self.misfit(path, "`domain_in` needs a field of type `address` or `url`", report);
            return None;
        }
        let entries = self.listed(path, domains, report)?;
        let read: Vec<Option<String>> =
            entries.iter().map(|(place, entry)| self.domain_entry(place, entry, report)).collect();
        read.into_iter().collect::<Option<_>>().map(Test::DomainIn)
    }

    /// Reads an entry of a list of domains; one that several rules name is refused once.
    pub(super) fn domain_entry(&self, place: &str, entry: &str, report: &mut Report) -> Option<String> {
        let misfit = match domain::entry(entry) {
            Ok(domain) => return Some(domain),
            Err(misfit) => misfit,
        };
        let hint = match misfit.instead {
            Some(domain) => Hint::from(format!("write `{domain}`, which matches itself and its subdomains"))
                .instead_of(entry, domain),
            None => "write a domain such as `shop.example`, which matches itself and its subdomains".into(),
        };
        let message = match entry {
            "" => "an entry is empty, which is not a domain".to_owned(),
            entry => format!("`{entry}` is not a domain: {}", misfit.why),
        };
        let finding = self.scope.document.at(Code::BadCondition, place, message).hint(hint);
        let known = |other: &Diagnostic| {
            (&other.path, &other.span, &other.message) == (&finding.path, &finding.span, &finding.message)
        };
        if !report.diagnostics.iter().any(known) {
            report.push(finding);
        }
        None
    }
}
