//! Conditions on the entries of lists, the names of sets and the properties of objects.

use casebook_runtime::{
    rules::{Entries, Predicate, Quantity},
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{CountOf, Operators},
};

use super::{super::text, ColumnCompiler, Scope, compile};

impl ColumnCompiler<'_> {
    /// A condition on the entries of a list or set, or on an object.
    pub(super) fn entries(&self, key: &str, path: &str, operators: &Operators, report: &mut Report) -> Option<Entries> {
        let is_object = self.column.kind == ValueType::Object;
        let hint = match (key, self.column.kind) {
            ("where", ValueType::Object) | ("count", ValueType::Set) => "",
            ("where", ValueType::List | ValueType::Set) => {
                "write `some`, `every`, `none`, or `count` with `where` below it"
            }
            ("where", _) => "`where` needs a field of type `object`",
            (_, ValueType::Object) => "the properties of an object are compared with `where`",
            (_, ValueType::Set) => "a set is compared with `has_any`, `has_all`, `only` or `count`",
            (_, ValueType::List) => "",
            _ => "`some`, `every`, `none` and `count` need a field of type `list`",
        };
        if !hint.is_empty() {
            self.misfit(path, hint, report);
            return None;
        }
        let Some(of) = self.column.entries() else {
            let whose = if is_object { "the object" } else { "its entries" };
            self.misfit(path, &format!("declare the `properties` of {whose} in the environment"), report);
            return None;
        };
        let (condition, place, quantity) = match key {
            "some" | "where" => {
                (if key == "some" { &operators.some } else { &operators.properties }, path.to_owned(), Quantity::SOME)
            }
            "every" => (&operators.every, path.to_owned(), Quantity::Every),
            "none" => (&operators.none, path.to_owned(), Quantity::NONE),
            _ => {
                let count = operators.count.as_ref()?;
                (&count.counted, format!("{path}/where"), self.quantity(path, count, report)?)
            }
        };
        let scope = Scope { columns: &of, hidden: None, ..self.scope };
        let when = match condition {
            None => Predicate::All(Vec::new()),
            Some(condition) if self.column.has_plain_entries() => {
                let column = &of[0];
                let compiler = ColumnCompiler { scope, at: 0, column, about: text::About::entry(column) };
                compiler.predicate(&place, &condition.0, report)?
            }
            Some(condition) => compile(scope, &place, condition, report)?,
        };
        Some(Entries { column: self.at, of, when, quantity })
    }

    /// How many entries are wanted.
    pub(super) fn quantity(&self, path: &str, count: &CountOf, report: &mut Report) -> Option<Quantity> {
        let bounds = [count.eq, count.gte, count.gt.map(|bound| bound.saturating_add(1))];
        let least = bounds.into_iter().flatten().max();
        if count.lt == Some(0) {
            let message = "no list has fewer than 0 entries";
            report
                .push(self.scope.document.at(Code::NeverMatches, format!("{path}/lt"), message).hint("write `eq: 0`"));
            return Some(Quantity::Between(1, Some(0)));
        }
        let most = [count.eq, count.lte, count.lt.map(|bound| bound.saturating_sub(1))].into_iter().flatten().min();
        let finding = |code, message: &str| self.scope.document.at_key(code, path, message.to_owned());
        match (least, most) {
            (None, None) => {
                report.push(
                    finding(Code::MissingKey, "`count` does not say how many entries match")
                        .hint("add a bound such as `gte: 2`, or write `some` for at least one"),
                );
                None
            }
            (Some(least), Some(most)) if least > most => {
                report.push(
                    finding(Code::NeverMatches, "no number of entries is within these bounds")
                        .hint("correct one of them"),
                );
                Some(Quantity::Between(least.into(), Some(most.into())))
            }
            _ => Some(Quantity::Between(least.unwrap_or(0).into(), most.map(u64::from))),
        }
    }
}
