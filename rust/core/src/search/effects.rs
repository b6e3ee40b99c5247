//! A function over a space, as tables: what the choices of each slot, pairs of choices and single candidates add.

/// Values of a function over a space: a constant, a table for each slot, one for each pair of slots, and what candidates measured have
/// of their own.
#[derive(Debug, Clone)]
pub(crate) struct Effects {
    pub constant: f64,
    pub slots: Vec<Vec<f64>>,
    pub pairs: Vec<Vec<f64>>,
    pub own: Vec<f64>,
}

impl Effects {
    /// The function that is 0 everywhere, with so many candidates measured.
    pub fn none(sizes: &[usize], couples: &[(usize, usize)], candidates: usize) -> Self {
        Self {
            constant: 0.0,
            slots: sizes.iter().map(|size| vec![0.0; *size]).collect(),
            pairs: couples.iter().map(|(a, b)| vec![0.0; sizes[*a] * sizes[*b]]).collect(),
            own: vec![0.0; candidates],
        }
    }

    /// Adds another function over the same space.
    pub fn add(&mut self, more: &Self) {
        let add = |into: &mut Vec<f64>, more: &Vec<f64>| {
            into.iter_mut().zip(more).for_each(|(value, more)| *value += more);
        };
        self.constant += more.constant;
        self.slots.iter_mut().zip(&more.slots).for_each(|(into, more)| add(into, more));
        self.pairs.iter_mut().zip(&more.pairs).for_each(|(into, more)| add(into, more));
        add(&mut self.own, &more.own);
    }

    /// Of the variance of the expected worth over the space, the share of each slot, of pairs, and of what candidates have of their own.
    ///
    /// What a pair's table has in common along a slot is that slot's.
    pub fn shares(self, sizes: &[usize], couples: &[(usize, usize)]) -> (Vec<f64>, f64, f64) {
        let Self { mut slots, pairs, own, .. } = self;
        let mut together = 0.0;
        for ((a, b), mut table) in couples.iter().zip(pairs) {
            let (rows, columns) = (sizes[*a], sizes[*b]);
            let mean = table.iter().sum::<f64>() / table.len() as f64;
            let along_rows: Vec<f64> =
                table.chunks(columns).map(|row| row.iter().sum::<f64>() / columns as f64 - mean).collect();
            let along_columns: Vec<f64> = (0..columns)
                .map(|column| {
                    (0..rows).map(|row| table[row * columns + column]).sum::<f64>() / rows as f64 - mean
                })
                .collect();
            for (at, value) in table.iter_mut().enumerate() {
                *value -= along_rows[at / columns] + along_columns[at % columns];
            }
            slots[*a].iter_mut().zip(&along_rows).for_each(|(value, more)| *value += more);
            slots[*b].iter_mut().zip(&along_columns).for_each(|(value, more)| *value += more);
            together += variance(&table);
        }
        let slots: Vec<f64> = slots.iter().map(|slot| variance(slot)).collect();
        let own = variance(&own);
        // All alike: nothing to divide.
        let whole = (slots.iter().sum::<f64>() + together + own).max(f64::MIN_POSITIVE);
        (slots.into_iter().map(|slot| slot / whole).collect(), together / whole, own / whole)
    }
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}
