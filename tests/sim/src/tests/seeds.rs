//! Seeds end to end.

use crate::{Options, Overrides, simulate};

#[test]
fn a_seed_gives_one_run() {
    for seed in [3, 4] {
        let options = Options::of_seed(seed, &Overrides { seconds: Some(3), ..Default::default() });
        assert_eq!(simulate(&options).trace, simulate(&options).trace, "seed {seed}");
    }
}
