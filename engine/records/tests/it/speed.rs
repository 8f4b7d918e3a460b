use super::played::catalog;
use casebook_records::{Filter, Records, Regrader, Versions, regrade_all};
use std::{path::Path, time::Instant};
#[test]
#[ignore = "x"]
fn speed() {
    let records = Records::open(Path::new(&std::env::var("STORE").unwrap())).unwrap();
    let one = catalog("scenarios/email-ops");
    let v = Versions { against: &one, played_with: None };
    let t = Instant::now();
    regrade_all(&records, &Filter::default(), v, 0).unwrap();
    eprintln!("regrade_all {:?}", t.elapsed());
    let t = Instant::now();
    let mut r = Regrader::read(&records, &Filter::default()).unwrap();
    eprintln!("read {:?}", t.elapsed());
    for _ in 0..2 {
        let t = Instant::now();
        eprintln!("{:?}", r.grade(v));
        eprintln!("grade {:?}", t.elapsed());
        let t = Instant::now();
        r.report(v, 0).unwrap();
        eprintln!("report {:?}", t.elapsed());
    }
    let t = Instant::now();
    r.report(v, 3).unwrap();
    eprintln!("report3 {:?}", t.elapsed());
}
