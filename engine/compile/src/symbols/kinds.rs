//! Names in each kind of document.

use casebook_runtime::scenario::parameter::LEVEL;
use serde_json::{Map, Value};

use super::{NameKind, Reader, Table, escaped, owner};

impl Reader<'_> {
    pub(super) fn environment(self, table: &mut Table) {
        for (kind, pointer) in [(NameKind::Field, "/item/fields"), (NameKind::Decision, "/decision")] {
            self.define_keys(kind, None, pointer, table);
            for (name, path) in self.keys(pointer) {
                let owner = owner(kind, name);
                let values = self.texts(&format!("{path}/values"));
                if !values.is_empty() {
                    table.choices.push(owner.clone());
                }
                for (value, path) in values {
                    table.define(NameKind::Value, Some(&owner), value, self.at(&path));
                }
            }
        }
        for (kind, pointer) in [
            (NameKind::Data, "/data"),
            (NameKind::State, "/state"),
            (NameKind::ResetArgument, "/reset/arguments"),
            (NameKind::Tool, "/tools"),
            (NameKind::Plugin, "/plugins"),
            (NameKind::Property, "/action/properties"),
            (NameKind::Observation, "/observation"),
        ] {
            self.define_keys(kind, None, pointer, table);
        }
        if let Some(tool) = self.get("/action/tool").and_then(Value::as_str) {
            table.define(NameKind::Tool, None, tool, self.at("/action/tool"));
        }
        for (_, path) in self.keys("/item/fields") {
            for key in ["read_from", "count/same", "count/before"] {
                self.mention_text(NameKind::Field, None, &format!("{path}/{key}"), table);
            }
            let counted = format!("{path}/count/where");
            self.condition(&counted, self.get(&counted), table);
        }
        for (_, path) in self.keys("/decision") {
            self.columns(NameKind::Decision, &format!("{path}/when"), table);
            self.mention_text(NameKind::Rules, None, &format!("{path}/truth/rules"), table);
            self.order(&format!("{path}/truth/order_by"), table);
        }
        for (_, path) in self.keys("/action/properties") {
            self.mention_text(NameKind::Decision, None, &format!("{path}/decides"), table);
        }
        for (tool, path) in self.keys("/tools") {
            self.define_keys(NameKind::Argument, Some(tool), &format!("{path}/arguments"), table);
            self.mention_text(NameKind::Field, None, &format!("{path}/reveals"), table);
            self.mention_text(NameKind::Field, None, &format!("{path}/result/hidden"), table);
            self.mention_text(NameKind::Plugin, None, &format!("{path}/result/plugin"), table);
            self.template(Some(tool), &format!("{path}/result"), table);
            let answers = self.get(&format!("{path}/answers")).and_then(Value::as_array).map_or(0, Vec::len);
            for at in 0..answers {
                let path = format!("{path}/answers/{at}");
                let when = format!("{path}/when");
                self.condition_of(Some(tool), &when, self.get(&when), table);
                self.mention_text(NameKind::Field, None, &format!("{path}/reveals"), table);
                self.template(Some(tool), &format!("{path}/say"), table);
            }
            self.effects(Some(tool), &path, table);
        }
        self.effects(None, "/action", table);
        for (_, path) in self.keys("/state") {
            self.expression(None, &format!("{path}/value"), table);
        }
        self.expression(None, "/done", table);
        for (_, path) in self.keys("/observation") {
            for key in ["log", "feedback", "template"] {
                self.template(None, &format!("{path}/{key}"), table);
            }
            self.expression(None, &format!("{path}/value"), table);
        }
        self.policies("/baseline", table);
    }

    /// What an action or a call does, and what it reads for that.
    pub(super) fn effects(self, tool: Option<&str>, path: &str, table: &mut Table) {
        for key in ["value", "fail", "wait"] {
            self.expression(tool, &format!("{path}/{key}"), table);
        }
        let set = format!("{path}/set");
        self.mention_keys(NameKind::State, None, &set, table);
        for (_, path) in self.keys(&set) {
            self.expression(tool, &path, table);
        }
    }

    /// Names of policies, except those that are built in and those that are made of decisions.
    pub(super) fn policies(self, pointer: &str, table: &mut Table) {
        for (name, path) in self.texts(pointer) {
            if table.is_of_pack(name) {
                table.mention(NameKind::Policy, None, name, self.at(&path));
            }
        }
    }

    pub(super) fn rubric(self, table: &mut Table) {
        table.define(NameKind::Rubric, None, self.name(), self.at("/name"));
        self.nodes("/reward/sum", self.get("/reward/sum"), table);
        self.nodes("/score", self.get("/score"), table);
    }

    /// The nodes at and below a place.
    pub(super) fn nodes(self, pointer: &str, value: Option<&Value>, table: &mut Table) {
        match value {
            Some(Value::Array(list)) => {
                for (at, node) in list.iter().enumerate() {
                    self.nodes(&format!("{pointer}/{at}"), Some(node), table);
                }
            }
            Some(Value::Object(node)) => self.node(pointer, node, table),
            _ => {}
        }
    }

    pub(super) fn node(self, pointer: &str, node: &Map<String, Value>, table: &mut Table) {
        let path = |key: &str| format!("{pointer}/{key}");
        let rubric = self.name();
        if let Some(name) = node.get("name").and_then(Value::as_str) {
            table.define(NameKind::Node, Some(rubric), name, self.at(&path("name")));
        }
        self.mention_text(NameKind::Node, Some(rubric), &path("ref"), table);
        match node.get("grader").and_then(Value::as_str) {
            None => {
                for (key, value) in node.iter().filter(|(_, value)| value.is_array() || value.is_object()) {
                    self.nodes(&path(key), Some(value), table);
                }
            }
            Some("expression") => self.expression(None, &path("value"), table),
            Some("steps") => {
                self.mention_text(NameKind::Node, Some(rubric), &path("components"), table);
                self.columns(NameKind::Decision, &path("where"), table);
            }
            Some("tool_calls") => self.mention_text(NameKind::Tool, None, &path("tools"), table),
            Some("deadline") => self.mention_text(NameKind::Field, None, &path("field"), table),
            Some(grader) => {
                self.mention_text(NameKind::Decision, None, &path("field"), table);
                if grader == "plugin" {
                    self.mention_text(NameKind::Plugin, None, &path("plugin"), table);
                }
                let field = node.get("field").and_then(Value::as_str).map(|name| owner(NameKind::Decision, name));
                if let Some(field) = field.as_deref() {
                    self.values(field, &path("values"), table);
                }
                for cells in [path("cells"), path("partial")] {
                    self.mention_keys(NameKind::Value, field.as_deref(), &cells, table);
                    for (_, row) in self.keys(&cells) {
                        self.mention_keys(NameKind::Value, field.as_deref(), &row, table);
                    }
                }
            }
        }
    }

    pub(super) fn inbox(self, table: &mut Table) {
        table.define(NameKind::Inbox, None, self.name(), self.at("/name"));
        let items = self.get("/items").and_then(Value::as_array).map_or(0, Vec::len);
        for at in 0..items {
            let path = format!("/items/{at}");
            self.columns(NameKind::Field, &format!("{path}/fields"), table);
            self.columns(NameKind::Decision, &format!("{path}/labels"), table);
            for (decision, path) in self.keys(&format!("{path}/labels")) {
                self.values(&owner(NameKind::Decision, decision), &format!("{path}/value"), table);
            }
            for part in ["fields", "labels"] {
                let path = format!("{path}/{part}");
                self.templates_below(None, &path, self.get(&path), table);
            }
        }
    }

    pub(super) fn rules(self, table: &mut Table) {
        table.define(NameKind::Rules, None, self.name(), self.at("/name"));
        self.define_keys(NameKind::List, Some(self.name()), "/lists", table);
        let rules = self.get("/rules").and_then(Value::as_array).map_or(0, Vec::len);
        for at in 0..rules {
            let path = format!("/rules/{at}");
            if let Some(id) = self.get(&format!("{path}/id")).and_then(Value::as_str) {
                table.define(NameKind::Rule, Some(self.name()), id, self.at(&format!("{path}/id")));
            }
            for key in ["when", "except"] {
                let path = format!("{path}/{key}");
                self.condition(&path, self.get(&path), table);
            }
            self.columns(NameKind::Decision, &format!("{path}/then"), table);
        }
        self.columns(NameKind::Decision, "/default", table);
        self.table(table);
    }

    pub(super) fn task(self, table: &mut Table) {
        table.define(NameKind::Task, None, self.name(), self.at("/name"));
        match self.get("/inbox") {
            Some(Value::Array(parts)) => {
                (0..parts.len()).for_each(|at| self.inbox_part(&format!("/inbox/{at}"), table));
            }
            _ => self.inbox_part("/inbox", table),
        }
        self.mention_text(NameKind::Rubric, None, "/rubric", table);
        if let Some(rubric) = self.get("/rubric").and_then(Value::as_str) {
            self.mention_keys(NameKind::Node, Some(rubric), "/weights", table);
        }
        self.define_keys(NameKind::Variable, None, "/vary", table);
        for (_, path) in self.keys("/vary") {
            self.mention_text(NameKind::Plugin, None, &format!("{path}/plugin"), table);
        }
        let follow_ups = self.get("/follow_ups").and_then(Value::as_array).map_or(0, Vec::len);
        for at in 0..follow_ups {
            self.columns(NameKind::Decision, &format!("/follow_ups/{at}/when"), table);
        }
        self.mention_text(NameKind::Field, None, "/plant/into", table);
        let planted = self.get("/plant/texts").and_then(Value::as_array).map_or(0, Vec::len);
        for at in 0..planted {
            self.columns(NameKind::Decision, &format!("/plant/texts/{at}/decide"), table);
        }
        self.template(None, "/instructions", table);
        self.plays("/solution", table);
    }

    /// A part of a task's inbox: a name, or items that are drawn.
    pub(super) fn inbox_part(self, pointer: &str, table: &mut Table) {
        match self.get(pointer) {
            Some(Value::String(_)) => self.mention_text(NameKind::Inbox, None, pointer, table),
            Some(Value::Object(part)) => {
                self.mention_text(NameKind::Inbox, None, &format!("{pointer}/from"), table);
                let generate = format!("{pointer}/generate");
                match part.get("generate") {
                    Some(Value::Object(_)) => self.mention_keys(NameKind::Generator, None, &generate, table),
                    _ => self.mention_text(NameKind::Generator, None, &generate, table),
                }
                if let Some(generator) = part.get("generate").and_then(Value::as_str) {
                    self.mention_text(NameKind::Level, Some(generator), &format!("{pointer}/level"), table);
                    self.mention_keys(NameKind::Slot, Some(generator), &format!("{pointer}/mix"), table);
                }
            }
            _ => {}
        }
    }

    pub(super) fn generator(self, table: &mut Table) {
        let name = self.name();
        table.define(NameKind::Generator, None, name, self.at("/name"));
        self.define_keys(NameKind::Pool, Some(name), "/pools", table);
        self.define_keys(NameKind::Slot, Some(name), "/slots", table);
        self.define_keys(NameKind::Phrase, Some(name), "/phrases", table);
        self.define_keys(NameKind::Level, Some(name), "/levels", table);
        self.mention_keys(NameKind::Field, None, "/fields", table);
        self.mention_keys(NameKind::Decision, None, "/labels", table);
        for (_, path) in self.keys("/levels") {
            self.mention_keys(NameKind::Slot, Some(name), &format!("{path}/slots"), table);
            self.mention_keys(NameKind::Phrase, Some(name), &format!("{path}/phrases"), table);
        }
        for (_, path) in self.keys("/slots") {
            self.mention_text(NameKind::Pool, Some(name), &format!("{path}/from"), table);
        }
        for (_, path) in self.keys("/fields") {
            let path = format!("{path}/slot");
            if self.get(&path).and_then(Value::as_str).is_some_and(|slot| !slot.contains('.')) {
                self.mention_text(NameKind::Slot, Some(name), &path, table);
            }
        }
        for part in ["/pools", "/slots", "/phrases", "/fields", "/labels", "/levels"] {
            self.constants_below(part, self.get(part), table);
        }
    }

    /// The constants that templates and computed slots of a generator read.
    fn constants_below(self, pointer: &str, value: Option<&Value>, table: &mut Table) {
        match value {
            Some(Value::String(_)) => self.constants(pointer, pointer.ends_with("/compute"), table),
            Some(Value::Array(entries)) => {
                for (at, entry) in entries.iter().enumerate() {
                    self.constants_below(&format!("{pointer}/{at}"), Some(entry), table);
                }
            }
            Some(Value::Object(map)) => {
                for (key, entry) in map {
                    self.constants_below(&format!("{pointer}/{}", escaped(key)), Some(entry), table);
                }
            }
            _ => {}
        }
    }

    /// Actions: calls of tools, and templates.
    pub(super) fn plays(self, pointer: &str, table: &mut Table) {
        let actions = self.get(pointer).and_then(Value::as_array).map_or(0, Vec::len);
        for at in 0..actions {
            let path = format!("{pointer}/{at}");
            self.call(&path, table);
            self.templates_below(None, &path, self.get(&path), table);
        }
    }

    pub(super) fn call(self, path: &str, table: &mut Table) {
        if let Some(tool) = self.get(&format!("{path}/tool_name")).and_then(Value::as_str) {
            table.mention(NameKind::Tool, None, tool, self.at(&format!("{path}/tool_name")));
            self.mention_keys(NameKind::Argument, Some(tool), &format!("{path}/arguments"), table);
        }
    }

    pub(super) fn policy(self, table: &mut Table) {
        table.define(NameKind::Policy, None, self.name(), self.at("/name"));
        self.define_keys(NameKind::List, Some(self.name()), "/lists", table);
        self.mention_keys(NameKind::Field, None, "/reads", table);
        let count = |pointer: &str| self.get(pointer).and_then(Value::as_array).map_or(0, Vec::len);
        for (field, path) in self.keys("/reads") {
            for at in 0..count(&path) {
                let when = format!("{path}/{at}/when");
                self.condition(&when, self.get(&when), table);
                let value = format!("{path}/{at}/value");
                self.values(&owner(NameKind::Field, field), &value, table);
                self.templates_below(None, &value, self.get(&value), table);
            }
        }
        for at in 0..count("/apply") {
            self.mention_text(NameKind::Rules, None, &format!("/apply/{at}"), table);
        }
        for at in 0..count("/rules") {
            let path = format!("/rules/{at}");
            let when = format!("{path}/when");
            self.condition(&when, self.get(&when), table);
            self.decided(&format!("{path}/decide"), table);
            self.call(&format!("{path}/call"), table);
            let arguments = format!("{path}/call/arguments");
            self.templates_below(None, &arguments, self.get(&arguments), table);
        }
        self.decided("/default", table);
        self.mention_keys(NameKind::Decision, None, "/rank", table);
        self.plays("/play", table);
    }

    pub(super) fn decided(self, pointer: &str, table: &mut Table) {
        self.columns(NameKind::Decision, pointer, table);
        self.templates_below(None, pointer, self.get(pointer), table);
    }

    pub(super) fn test(self, table: &mut Table) {
        let cases = |pointer: &str| self.get(pointer).and_then(Value::as_array).map_or(0, Vec::len);
        for at in 0..cases("/rules") {
            let path = format!("/rules/{at}");
            self.mention_text(NameKind::Rules, None, &format!("{path}/of"), table);
            self.columns(NameKind::Field, &format!("{path}/given"), table);
            for (decision, path) in self.keys(&format!("{path}/expect")).into_iter().filter(|(key, _)| *key != "by") {
                table.mention(NameKind::Decision, None, decision, self.at_key(&path));
                self.values(&owner(NameKind::Decision, decision), &path, table);
            }
        }
        for at in 0..cases("/episodes") {
            let path = format!("/episodes/{at}");
            for (name, place) in self.texts(&format!("{path}/task")) {
                // One of a family is named by its number.
                let name = name.split_once('/').map_or(name, |(family, _)| family);
                table.mention(NameKind::Task, None, name, self.at(&place));
            }
            for (name, place) in self.keys(&format!("{path}/arguments")) {
                // The level of a generator is no name of the pack, unless the environment has an argument of that name.
                let key = (NameKind::ResetArgument, None, name.to_owned());
                if name != LEVEL || table.names.contains_key(&key) {
                    table.mention(NameKind::ResetArgument, None, name, self.at_key(&place));
                }
            }
            self.policies(&format!("{path}/policy"), table);
            self.plays(&format!("{path}/play"), table);
        }
        for (name, path) in self.keys("/probes") {
            if table.is_of_pack(name) {
                table.mention(NameKind::Policy, None, name, self.at_key(&path));
            }
        }
    }
}
