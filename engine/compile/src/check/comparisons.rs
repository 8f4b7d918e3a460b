//! Comparisons in expressions that have one result for every item: the engine of templates puts values of different types into
//! an order of its own, and an enum never has a value that it does not declare.

use casebook_runtime::{model::Column, names::list, value::ValueType};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Hint, suggest},
    spec::Document,
};
use minijinja::{
    Value as Context,
    machinery::{
        ast::{BinOpKind, CallArg, CompareOpKind, Expr, Stmt},
        parse, parse_expr,
    },
    syntax::SyntaxConfig,
    value::ValueKind,
};

/// Filters that give a number.
const NUMBERS: [&str; 8] = ["abs", "count", "days_until", "float", "hours", "int", "length", "round"];
/// Filters that give a text.
const TEXTS: [&str; 13] = [
    "capitalize",
    "date",
    "fixed",
    "join",
    "listed",
    "lower",
    "replace",
    "sentence",
    "string",
    "thousands",
    "title",
    "trim",
    "upper",
];

/// What a value is, as far as the order of values goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Boolean,
    List,
}

impl Kind {
    fn of(value: &Context) -> Option<Self> {
        match value.kind() {
            ValueKind::String => Some(Self::Text),
            ValueKind::Number => Some(Self::Number),
            ValueKind::Bool => Some(Self::Boolean),
            ValueKind::Seq => Some(Self::List),
            _ => None,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::List => "a list",
        }
    }
}

/// The finding about a text that there is for each of several samples.
pub(super) fn always(text: &str, findings: impl Iterator<Item = Option<Diagnostic>>) -> Option<Diagnostic> {
    let may_compare = text.contains(['<', '>']) || text.contains("==") || text.contains("!=");
    findings.take_while(|_| may_compare).collect::<Option<Vec<_>>>()?.into_iter().next()
}

/// Reports a comparison of an expression that is the same for every item; names have the types of a sample, and some are
/// columns.
pub(super) fn check(
    document: &Document,
    pointer: &str,
    text: &str,
    (sample, columns): (&Context, &[Column]),
) -> Option<Diagnostic> {
    let expression = parse_expr(text).ok()?;
    let (message, hint) = Checker { sample, columns }.visit(&expression)?;
    Some(document.at(Code::BadTemplate, pointer, message).maybe_hint(hint))
}

/// The same of the expressions of a template.
pub(super) fn check_template(
    document: &Document,
    pointer: &str,
    text: &str,
    (sample, columns): (&Context, &[Column]),
) -> Option<Diagnostic> {
    let template = parse(text, "template", SyntaxConfig::default()).ok()?;
    let (message, hint) = Checker { sample, columns }.visit_statement(&template)?;
    Some(document.at(Code::BadTemplate, pointer, message).maybe_hint(hint))
}

type Found = Option<(String, Option<Hint>)>;

struct Checker<'a> {
    sample: &'a Context,
    columns: &'a [Column],
}

impl Checker<'_> {
    /// What repeats has names of its own, of which nothing is known.
    fn visit_statement(&self, statement: &Stmt<'_>) -> Found {
        let all = |body: &[Stmt<'_>]| body.iter().find_map(|one| self.visit_statement(one));
        match statement {
            Stmt::Template(one) => all(&one.children),
            Stmt::EmitExpr(one) => self.visit(&one.expr),
            Stmt::IfCond(one) => self.visit(&one.expr).or_else(|| all(&one.true_body)).or_else(|| all(&one.false_body)),
            Stmt::Set(one) => self.visit(&one.expr),
            Stmt::ForLoop(one) => self.visit(&one.iter),
            _ => None,
        }
    }

    fn visit(&self, expr: &Expr<'_>) -> Found {
        let own = match expr {
            Expr::BinOp(one) => match one.op {
                BinOpKind::Eq | BinOpKind::Ne => self.same(&one.left, &one.right),
                BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => self.kinds(&one.left, &one.right),
                BinOpKind::In => self.values(&one.left, &one.right),
                _ => None,
            },
            Expr::Compare(one) => {
                let mut left = &one.expr;
                one.ops.iter().find_map(|next| {
                    let right = &next.expr;
                    let found = match next.op {
                        CompareOpKind::Eq | CompareOpKind::Ne => self.same(left, right),
                        CompareOpKind::In | CompareOpKind::NotIn => self.values(left, right),
                        _ => self.kinds(left, right),
                    };
                    left = right;
                    found
                })
            }
            _ => None,
        };
        own.or_else(|| parts(expr).into_iter().find_map(|part| self.visit(part)))
    }

    /// Two values that are compared for equality.
    fn same(&self, left: &Expr<'_>, right: &Expr<'_>) -> Found {
        self.kinds(left, right).or_else(|| self.values(left, right)).or_else(|| self.values(right, left))
    }

    /// Two values of different types.
    fn kinds(&self, left: &Expr<'_>, right: &Expr<'_>) -> Found {
        let (a, b) = (self.kind(left)?, self.kind(right)?);
        // Numbers are true unless they are 0.
        if a == b || [a, b].contains(&Kind::Boolean) && [a, b].contains(&Kind::Number) {
            return None;
        }
        let [one, other] = [(left, a), (right, b)].map(|(expr, kind)| match written(expr) {
            Some(text) => format!("`{text}`, {}", kind.words()),
            None => kind.words().to_owned(),
        });
        let message = format!("the expression compares {one}, with {other}: this has one result for every item");
        Some((message, Some(self.remedy(left).or_else(|| self.remedy(right)).unwrap_or_else(|| general(a, b)))))
    }

    /// What to do about a moment or a length of time that is compared with a number.
    fn remedy(&self, expr: &Expr<'_>) -> Option<Hint> {
        let path = path(expr)?;
        let hint = match self.column(&path)?.kind {
            ValueType::Duration => format!("write `({path} | hours)`, the number of its whole hours"),
            ValueType::Timestamp => {
                format!("write `({path} | days_until(...))`, the number of days to another moment")
            }
            _ => return None,
        };
        Some(hint.into())
    }

    /// A value that an enum does not have.
    fn values(&self, of: &Expr<'_>, compared: &Expr<'_>) -> Found {
        let column = self.column(&path(of)?).filter(|column| column.kind == ValueType::Enum)?;
        let values: Vec<Context> = match compared {
            Expr::List(list) => list.items.iter().filter_map(constant).collect(),
            one => constant(one).into_iter().collect(),
        };
        let known = || column.values.iter().map(String::as_str);
        let unknown = values.iter().filter_map(Context::as_str).find(|value| !known().any(|one| one == *value))?;
        let name = &column.name;
        let message = format!("the expression compares `{name}` with `{unknown}`, which it never is");
        let all = || list(&known().collect::<Vec<_>>()).map(|all| format!("its values: {all}").into());
        Some((message, suggest(unknown, known()).or_else(all)))
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// What an expression gives, where that is known.
    fn kind(&self, expr: &Expr<'_>) -> Option<Kind> {
        match expr {
            Expr::Const(one) => Kind::of(&one.value),
            Expr::Var(_) | Expr::GetAttr(_) => {
                let path = path(expr)?;
                let value = path.split('.').try_fold(self.sample.clone(), |value, name| value.get_attr(name).ok())?;
                Kind::of(&value)
            }
            Expr::Filter(one) if one.name == "default" => {
                let [CallArg::Pos(other)] = one.args.as_slice() else { return None };
                self.kind(one.expr.as_ref()?).filter(|kind| self.kind(other) == Some(*kind))
            }
            Expr::Filter(one) if NUMBERS.contains(&one.name) => Some(Kind::Number),
            Expr::Filter(one) if TEXTS.contains(&one.name) => Some(Kind::Text),
            Expr::List(_) => Some(Kind::List),
            Expr::BinOp(one) => match one.op {
                BinOpKind::Concat => Some(Kind::Text),
                BinOpKind::Add
                | BinOpKind::Sub
                | BinOpKind::Mul
                | BinOpKind::Div
                | BinOpKind::FloorDiv
                | BinOpKind::Rem
                | BinOpKind::Pow => {
                    self.kind(&one.left).filter(|kind| *kind == Kind::Number && self.kind(&one.right) == Some(*kind))
                }
                _ => None,
            },
            Expr::IfExpr(one) => self
                .kind(&one.true_expr)
                .filter(|kind| one.false_expr.as_ref().and_then(|no| self.kind(no)) == Some(*kind)),
            _ => None,
        }
    }
}

/// What to do about two types.
fn general(a: Kind, b: Kind) -> Hint {
    if [a, b].contains(&Kind::Boolean) {
        "write the name alone where it must be true, and `not` before it where it must be false"
    } else if [a, b].contains(&Kind::List) {
        "write `'value' in list` for one of its entries, and `list | length` for their number"
    } else {
        "write a number without quotes, or make the text a number with `| float`"
    }
    .into()
}

/// The parts of an expression.
fn parts<'e, 'a>(expr: &'e Expr<'a>) -> Vec<&'e Expr<'a>> {
    let of = |argument: &'e CallArg<'a>| match argument {
        CallArg::Pos(one) | CallArg::Kwarg(_, one) | CallArg::PosSplat(one) | CallArg::KwargSplat(one) => one,
    };
    match expr {
        Expr::Var(_) | Expr::Const(_) => Vec::new(),
        Expr::Slice(one) => vec![&one.expr],
        Expr::UnaryOp(one) => vec![&one.expr],
        Expr::BinOp(one) => vec![&one.left, &one.right],
        Expr::Compare(one) => std::iter::once(&one.expr).chain(one.ops.iter().map(|next| &next.expr)).collect(),
        Expr::IfExpr(one) => [&one.test_expr, &one.true_expr].into_iter().chain(&one.false_expr).collect(),
        Expr::Filter(one) => one.expr.iter().chain(one.args.iter().map(of)).collect(),
        Expr::Test(one) => std::iter::once(&one.expr).chain(one.args.iter().map(of)).collect(),
        Expr::GetAttr(one) => vec![&one.expr],
        Expr::GetItem(one) => vec![&one.expr, &one.subscript_expr],
        Expr::Call(one) => one.args.iter().map(of).collect(),
        Expr::List(one) => one.items.iter().collect(),
        Expr::Tuple(one) => one.items.iter().collect(),
        Expr::Map(one) => one.keys.iter().chain(&one.values).collect(),
    }
}

fn constant(expr: &Expr<'_>) -> Option<Context> {
    if let Expr::Const(one) = expr { Some(one.value.clone()) } else { None }
}

/// The dotted name that an expression is.
fn path(expr: &Expr<'_>) -> Option<String> {
    match expr {
        Expr::Var(one) => Some(one.id.to_owned()),
        Expr::GetAttr(one) => Some(format!("{}.{}", path(&one.expr)?, one.name)),
        _ => None,
    }
}

/// A short part of an expression as its author wrote it.
fn written(expr: &Expr<'_>) -> Option<String> {
    match expr {
        Expr::Const(one) => Some(one.value.to_string()),
        expr => path(expr),
    }
}
