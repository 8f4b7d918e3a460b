//! The report as one page, which needs nothing else to open.

use casebook_analysis::audit::{Report, Status};

use crate::commands::audit::mark;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2024;background:#fff}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}summary{cursor:pointer;padding:.3rem 0}code{font-size:.92em}\
details{border-bottom:1px solid #d9dce0}ul{margin:.2rem 0 .8rem}.mark{display:inline-block;width:3.2rem;font-weight:600}\
.pass{color:#18794e}.fail,.error{color:#c62a2f}.warn{color:#915930}.skip{color:#60646c}\
@media(prefers-color-scheme:dark){body{color:#edeef0;background:#111113}details{border-color:#363a3f}\
.pass{color:#3dd68c}.fail,.error{color:#ff9592}.warn{color:#ffc53d}.skip{color:#b0b4ba}}";

/// The page: each check folds its evidence; those that did not pass are open.
pub(crate) fn page(report: &Report) -> String {
    let target = escaped(&report.target);
    let verdict = report.verdict().name();
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Audit of {target}</title>\n<style>{STYLE}</style>\n<h1>Audit of <code>{target}</code></h1>\n\
         <p>Verdict: <strong class=\"{verdict}\">{verdict}</strong></p>\n"
    );
    let mut level = None;
    for result in &report.results {
        if level != Some(result.check.level) {
            level = Some(result.check.level);
            text.push_str(&format!("<h2>{}</h2>\n", result.check.level.name()));
        }
        let (mark, open) = (mark(result), if result.status() == Status::Pass { "" } else { " open" });
        text.push_str(&format!(
            "<details{open}><summary><span class=\"mark {mark}\">{mark}</span><code>{}</code>: {}</summary>\n<ul>\n",
            result.check.id,
            escaped(result.check.holds)
        ));
        for line in result.lines() {
            text.push_str(&format!("<li>{}</li>\n", escaped(&line)));
        }
        text.push_str("</ul>\n");
        if let Some(fix) = result.fix() {
            text.push_str(&format!("<p>Fix: {}.</p>\n", escaped(fix)));
        }
        text.push_str("</details>\n");
    }
    text.push_str("</html>\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use casebook_analysis::audit::{Finding, Outcome, Place};

    use super::*;

    #[test]
    fn texts_are_escaped_and_the_page_refers_to_nothing() {
        let outcome = Outcome::default().with([Finding::new(Place::default(), "<script>\"&")]);
        let report = Report::new("a<b".into(), |check| check.id == "static.sbom", vec![("static.sbom", outcome)]);
        let page = page(&report);
        assert!(page.contains("&lt;script&gt;&quot;&amp;") && page.contains("a&lt;b"), "{page}");
        assert!(
            !["http", "src=", "href=", "<script", "@import", "url("].iter().any(|word| page.contains(word)),
            "{page}"
        );
    }
}
