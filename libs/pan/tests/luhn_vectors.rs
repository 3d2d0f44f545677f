//! Card numbers of the golden vectors: right ones are taken, wrong ones refused, masks leak nothing.

use serde_json::Value;

use pan::{Pan, PanError};

fn numbers(vectors: &Value, key: &str) -> Vec<String> {
    let list = vectors[key].as_array().expect("a list of card numbers");
    list.iter()
        .map(|number| number.as_str().expect("a string").to_owned())
        .collect()
}

#[test]
fn vectors_are_taken_or_refused() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/luhn.json")).unwrap();
    let valid = numbers(&vectors, "valid");
    let invalid = numbers(&vectors, "invalid");
    assert_eq!((valid.len(), invalid.len()), (6, 6));
    for number in valid {
        let pan = Pan::parse(number.as_bytes()).unwrap();
        assert_eq!(pan.expose(), number);
        let middle = &number[6..number.len() - 4];
        assert!(!pan.masked().contains(middle));
        assert!(!format!("{pan:?}").contains(&number[..6]));
    }
    for number in invalid {
        assert_eq!(Pan::parse(number.as_bytes()), Err(PanError::CheckDigit));
    }
}
