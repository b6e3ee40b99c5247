//! How likely differences as good as these are where there is none in truth, or one the other way.

use crate::interval;

/// Common examples from which Student's test is taken for good.
const ENOUGH: usize = 10;

/// The one-sided chance; 1 where too little is known.
pub(super) fn chance_of_none(differences: &[f64]) -> f64 {
    if differences.iter().all(|value| *value == 0.0 || value.abs() == 1.0) {
        return sign_test(differences);
    }
    if differences.len() < ENOUGH {
        return 1.0;
    }
    let n = differences.len() as f64;
    let mean = interval::mean(differences);
    let squares = interval::sum(differences.iter().map(|value| (value - mean).powi(2)));
    let error = (squares / (n - 1.0) / n).sqrt();
    if error == 0.0 {
        // Equal differences show no spread; their signs say what can be said.
        return sign_test(differences);
    }
    interval::t_tail(mean / error, differences.len() - 1)
}

/// The exact chance of so many wins among the examples on which the two differ, where each is as likely as the other.
fn sign_test(differences: &[f64]) -> f64 {
    let wins = differences.iter().filter(|value| **value > 0.0).count();
    let n = wins + differences.iter().filter(|value| **value < 0.0).count();
    // Terms of the binomial, in logarithms so that thousands of examples do not run out of exponents.
    let mut term = -(n as f64) * std::f64::consts::LN_2;
    let mut chance = 0.0;
    for k in 0..=n {
        if k >= wins {
            chance += term.exp();
        }
        term += ((n - k) as f64 / (k + 1) as f64).ln();
    }
    chance.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::chance_of_none;

    #[test]
    fn signs_are_counted_exactly() {
        // 8 or more of 10: (45 + 10 + 1) / 1024; examples without a difference say nothing.
        let differences = [[1.0; 8].as_slice(), &[-1.0; 2], &[0.0; 50]].concat();
        assert!((chance_of_none(&differences) - 56.0 / 1024.0).abs() < 1e-12);
        assert_eq!(chance_of_none(&[]), 1.0);
    }

    #[test]
    fn graded_differences_are_tested_by_students_t() {
        let differences: Vec<f64> = (0..11).map(|i| 0.1 + 0.02 * f64::from(i - 5)).collect();
        // t = 0.1 / (0.0663 / sqrt 11) = 5.0, 10 degrees: one-sided 2.687e-4.
        assert!((chance_of_none(&differences) - 2.687e-4).abs() < 2e-6, "{}", chance_of_none(&differences));
        assert_eq!(chance_of_none(&differences[..9]), 1.0);
    }
}
