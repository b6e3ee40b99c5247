//! Symmetric positive definite matrices, small and dense, row after row in one vector: factor, solve, invert.
//!
//! Cholesky by dot products in eight sums, whose order is fixed, so the same matrix gives the same bits wherever floats are IEEE's.
//! About n³/3 multiplications for a factor and n³ for an inverse; for a few hundred rows that is milliseconds. For
//! thousands a blocked library would be quicker.

/// The lower triangle whose product with its own transpose is the matrix.
#[derive(Debug, Clone)]
pub(crate) struct Factor {
    lower: Vec<f64>,
    n: usize,
}

impl Factor {
    /// The factor of a matrix of n × n; a pivot that rounding made too small is taken for a small one.
    pub fn of(matrix: &[f64], n: usize) -> Self {
        let mut lower = vec![0.0; n * n];
        let largest = (0..n).map(|i| matrix[i * n + i]).fold(f64::MIN_POSITIVE, f64::max);
        for i in 0..n {
            let (done, rest) = lower.split_at_mut(i * n);
            let row = &mut rest[..n];
            // Four rows at a time: what they share is read once, and their sums do not wait for each other.
            let fours = i - i % 4;
            for at in (0..fours).step_by(4) {
                let others = [0, 1, 2, 3].map(|k| &done[(at + k) * n..=(at + k) * n + at + k]);
                let sums = dots(&row[..at], others);
                for k in 0..4 {
                    let sum = sums[k] + (0..k).map(|l| row[at + l] * others[k][at + l]).sum::<f64>();
                    row[at + k] = (matrix[i * n + at + k] - sum) / others[k][at + k];
                }
            }
            for j in fours..i {
                let other = &done[j * n..=j * n + j];
                row[j] = (matrix[i * n + j] - dot(&row[..j], &other[..j])) / other[j];
            }
            row[i] = (matrix[i * n + i] - dot(&row[..i], &row[..i])).max(1e-14 * largest).sqrt();
        }
        Self { lower, n }
    }

    /// Logarithm of the matrix's determinant.
    pub fn log_determinant(&self) -> f64 {
        2.0 * (0..self.n).map(|i| self.row(i)[i].ln()).sum::<f64>()
    }

    /// The lower triangle times a vector.
    pub fn times(&self, vector: &[f64]) -> Vec<f64> {
        (0..self.n).map(|i| dot(self.row(i), &vector[..=i])).collect()
    }

    /// What the matrix makes `vector` of.
    pub fn solve(&self, vector: &[f64]) -> Vec<f64> {
        let mut found = self.forward(vector, 0);
        self.backward(&mut found);
        found
    }

    /// The inverse of the matrix.
    pub fn inverse(&self) -> Vec<f64> {
        let n = self.n;
        let mut inverse = vec![0.0; n * n];
        let mut unit = vec![0.0; n];
        for column in 0..n {
            unit[column] = 1.0;
            let mut found = self.forward(&unit, column);
            self.backward(&mut found);
            // Column and row are the same.
            inverse[column * n..(column + 1) * n].copy_from_slice(&found);
            unit[column] = 0.0;
        }
        inverse
    }

    /// What is left of a vector once the triangle is divided out; its first `zeros` places are zeros.
    pub fn forward(&self, vector: &[f64], zeros: usize) -> Vec<f64> {
        let mut found = vec![0.0; self.n];
        for i in zeros..self.n {
            let row = self.row(i);
            found[i] = (vector[i] - dot(&row[zeros..i], &found[zeros..i])) / row[i];
        }
        found
    }

    fn backward(&self, found: &mut [f64]) {
        for i in (0..self.n).rev() {
            let row = self.row(i);
            found[i] /= row[i];
            let value = found[i];
            for (place, below) in found[..i].iter_mut().zip(row) {
                *place -= value * below;
            }
        }
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.lower[i * self.n..=i * self.n + i]
    }
}

/// The sums of products of one row with the beginnings of four others; its length is a multiple of four.
fn dots(one: &[f64], others: [&[f64]; 4]) -> [f64; 4] {
    let mut sums = [[0.0; 4]; 4];
    let [a, b, c, d] = others.map(|other| other[..one.len()].chunks_exact(4));
    for ((((one, a), b), c), d) in one.chunks_exact(4).zip(a).zip(b).zip(c).zip(d) {
        for lane in 0..4 {
            sums[0][lane] += one[lane] * a[lane];
            sums[1][lane] += one[lane] * b[lane];
            sums[2][lane] += one[lane] * c[lane];
            sums[3][lane] += one[lane] * d[lane];
        }
    }
    sums.map(|lanes| lanes.iter().sum())
}

/// The sum of products, in eight sums side by side.
pub(crate) fn dot(one: &[f64], other: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (ones, others) = (one.chunks_exact(8), other.chunks_exact(8));
    let tail: f64 = ones.remainder().iter().zip(others.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in ones.zip(others) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + tail
}

#[cfg(test)]
mod tests {
    use super::Factor;

    #[test]
    fn what_is_solved_gives_the_vector_back() {
        let matrix = [4.0, 2.0, 0.6, 2.0, 5.0, 1.0, 0.6, 1.0, 3.0];
        let factor = Factor::of(&matrix, 3);
        let found = factor.solve(&[1.0, -2.0, 3.0]);
        for (row, wanted) in matrix.chunks(3).zip([1.0, -2.0, 3.0]) {
            let product: f64 = row.iter().zip(&found).map(|(a, b)| a * b).sum();
            assert!((product - wanted).abs() < 1e-12);
        }
        let inverse = factor.inverse();
        let product: f64 = matrix[..3].iter().zip(&inverse[..3]).map(|(a, b)| a * b).sum();
        assert!((product - 1.0).abs() < 1e-12);
        assert!((factor.log_determinant() - 44.6_f64.ln()).abs() < 1e-9);
    }
}
