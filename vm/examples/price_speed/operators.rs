//! Every operator that a module can hold, as a chain in which each result feeds the next: what an operator
//! costs at least when nothing hides its latency. Beside the plain ones the cases that processors are slow at:
//! subnormal numbers, branches that cannot be predicted, moves of nothing.

/// A loop body to be measured.
pub struct Pattern {
    /// The operators that it is about.
    pub name: String,
    /// Repeated in the loop; leaves the stack as it found it.
    pub body: String,
    /// How often it is repeated.
    pub times: usize,
}

/// Locals of the measured function beside its parameter `$n`: accumulators and operands of each type.
pub const LOCALS: &str =
    "(local $i i32) (local $l i64) (local $f f32) (local $d f64) (local $v v128)
    (local $i2 i32) (local $l2 i64) (local $f2 f32) (local $d2 f64) (local $v2 v128)
    (local $seed i64)";

/// Their values, which no compiler can know: they hang on the parameter, which is below 2^31.
pub const START: &str = "
    (local.set $seed (i64.extend_i32_u (local.get $n)))
    (local.set $i (i32.shr_u (local.get $n) (i32.const 31)))
    (local.set $l (i64.extend_i32_u (local.get $i)))
    (local.set $i2 (i32.add (local.get $i) (i32.const 3)))
    (local.set $l2 (i64.extend_i32_u (local.get $i2)))
    (local.set $f (f32.convert_i32_u (local.get $i2)))
    (local.set $d (f64.promote_f32 (local.get $f)))
    (local.set $f2 (f32.add (local.get $f) (f32.const -2)))
    (local.set $d2 (f64.promote_f32 (local.get $f2)))
    (local.set $v2 (i32x4.splat (local.get $i2)))";

const TIMES: usize = 64;

/// The accumulator of a type.
fn accumulator(ty: &str) -> &'static str {
    match ty {
        "i32" => "$i",
        "i64" => "$l",
        "f32" => "$f",
        "f64" => "$d",
        _ => "$v",
    }
}

/// A number of a float type, in each lane of a vector.
fn constant(ty: &str, number: &str) -> String {
    match ty {
        "f32x4" => format!("v128.const f32x4 {number} {number} {number} {number}"),
        "f64x2" => format!("v128.const f64x2 {number} {number}"),
        _ => format!("{ty}.const {number}"),
    }
}

struct Patterns(Vec<Pattern>);

impl Patterns {
    /// `step` takes the accumulator of `ty` from the stack and puts its next value there.
    fn chain(&mut self, name: &str, ty: &str, step: &str) {
        let value = accumulator(ty);
        let body =
            format!("local.get {value} {} local.set {value}\n", format!("{step} ").repeat(TIMES));
        self.0.push(Pattern { name: name.to_owned(), body, times: 1 });
    }

    /// A chain that starts each round with `before`.
    fn kept(&mut self, name: &str, ty: &str, before: &str, step: &str) {
        let value = accumulator(ty);
        let steps = format!("{step} ").repeat(TIMES);
        let body = format!("local.get {value} {before} {steps} local.set {value}\n");
        self.0.push(Pattern { name: name.to_owned(), body, times: 1 });
    }

    fn plain(&mut self, name: &str, body: &str) {
        self.0.push(Pattern { name: name.to_owned(), body: body.to_owned(), times: TIMES });
    }

    /// `ty` to `ty`.
    fn unary(&mut self, ty: &str, prefix: &str, names: &str) {
        for name in names.split_whitespace() {
            let operator = format!("{prefix}.{name}");
            self.chain(&operator, ty, &operator);
        }
    }

    /// `ty` and `ty` to `ty`, then `back`.
    fn binary(&mut self, ty: &str, prefix: &str, names: &str, back: &str) {
        for name in names.split_whitespace() {
            let operator = format!("{prefix}.{name}");
            let operand = format!("{}2", accumulator(ty));
            self.chain(&operator, ty, &format!("local.get {operand} {operator} {back}"));
        }
    }

    /// From `ty` and back by another operator.
    fn pairs(&mut self, ty: &str, pairs: &[(&str, &str)]) {
        for (there, back) in pairs {
            self.chain(&format!("{there}, {back}"), ty, &format!("{there} {back}"));
        }
    }
}

fn integers(all: &mut Patterns) {
    const ARITHMETIC: &str = "add sub mul and or xor shl shr_s shr_u rotl rotr";
    const COMPARE: &str = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u";
    all.unary("i32", "i32", "clz ctz popcnt eqz extend8_s extend16_s");
    all.binary("i32", "i32", ARITHMETIC, "");
    all.binary("i32", "i32", COMPARE, "");
    all.unary("i64", "i64", "clz ctz popcnt extend8_s extend16_s extend32_s");
    all.binary("i64", "i64", ARITHMETIC, "");
    all.binary("i64", "i64", COMPARE, "i64.extend_i32_u");
    all.chain("i64.eqz, i64.extend_i32_u", "i64", "i64.eqz i64.extend_i32_u");
    all.chain("i32.wrap_i64, i64.extend_i32_s", "i64", "i32.wrap_i64 i64.extend_i32_s");
    // Large dividends: small ones are quicker.
    for operator in ["div_s", "div_u", "rem_s", "rem_u"] {
        all.chain(
            &format!("i32.{operator}"),
            "i32",
            &format!("i32.const 0x7ffffff1 i32.or local.get $i2 i32.{operator}"),
        );
        all.chain(
            &format!("i64.{operator}"),
            "i64",
            &format!("i64.const 0x7ffffffffffffff1 i64.or local.get $l2 i64.{operator}"),
        );
    }
}

fn floats(all: &mut Patterns) {
    for ty in ["f32", "f64"] {
        all.unary(ty, ty, "abs neg ceil floor trunc nearest sqrt");
        all.binary(ty, ty, "add sub mul div min max copysign", "");
        all.binary(ty, ty, "eq ne lt gt le ge", &format!("{ty}.convert_i32_s"));
        for int in ["i32", "i64"] {
            for sign in ["s", "u"] {
                let (there, back) =
                    (format!("{int}.trunc_{ty}_{sign}"), format!("{ty}.convert_{int}_{sign}"));
                let saturating = format!("{int}.trunc_sat_{ty}_{sign}");
                all.pairs(ty, &[(&there, &back), (&saturating, &back)]);
            }
        }
    }
    all.pairs(
        "f32",
        &[("f64.promote_f32", "f32.demote_f64"), ("i32.reinterpret_f32", "f32.reinterpret_i32")],
    );
    all.pairs("f64", &[("i64.reinterpret_f64", "f64.reinterpret_i64")]);
}

/// Numbers below the least normal one, which many processors leave to microcode: some forty times the time.
/// Each round starts at one (`clamp` keeps the value of the round before, so that nothing is known before),
/// and the operators keep it one.
fn subnormals(all: &mut Patterns) {
    const SINGLE: [&str; 4] = ["0x1p-140", "0x1p-139", "0x1p-100", "0x1p-40"];
    const DOUBLE: [&str; 4] = ["0x1p-1060", "0x1p-1059", "0x1p-1000", "0x1p-60"];
    for (ty, local, numbers) in [
        ("f32", "f32", SINGLE),
        ("f64", "f64", DOUBLE),
        ("f32x4", "v128", SINGLE),
        ("f64x2", "v128", DOUBLE),
    ] {
        let [tiny, more, small, shrink] = numbers.map(|number| constant(ty, number));
        let one = constant(ty, "1");
        let clamp = format!("{tiny} {ty}.max {more} {ty}.min");
        for (operator, operand) in [
            ("add", &tiny),
            ("sub", &tiny),
            ("mul", &one),
            ("div", &one),
            ("min", &more),
            ("max", &tiny),
        ] {
            all.kept(
                &format!("{ty}.{operator} of a subnormal"),
                local,
                &clamp,
                &format!("{operand} {ty}.{operator}"),
            );
        }
        for operator in ["sqrt", "ceil", "nearest"] {
            all.chain(
                &format!("{ty}.{operator} of a subnormal, {ty}.min"),
                local,
                &format!("{ty}.{operator} {tiny} {ty}.min"),
            );
        }
        all.chain(
            &format!("{ty}.max, {ty}.mul to a subnormal"),
            local,
            &format!("{small} {ty}.max {shrink} {ty}.mul"),
        );
    }
    // Subnormal as a 32-bit number alone.
    all.kept(
        "f32.demote_f64 to a subnormal, f64.promote_f32",
        "f64",
        "f64.const 0x1p-140 f64.max f64.const 0x1p-139 f64.min",
        "f32.demote_f64 f64.promote_f32",
    );
    all.kept(
        "f32x4.demote_f64x2_zero to a subnormal, f64x2.promote_low_f32x4",
        "v128",
        "v128.const f64x2 0x1p-140 0x1p-140 f64x2.max v128.const f64x2 0x1p-139 0x1p-139 f64x2.min",
        "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4",
    );
    for there in ["i32.trunc_sat_f32_s", "i32.trunc_f32_u"] {
        all.chain(
            &format!("{there} of a subnormal, and back"),
            "f32",
            &format!("f32.const 0x1p-140 f32.min {there} f32.convert_i32_s"),
        );
    }
}

fn vectors(all: &mut Patterns) {
    const COMPARE: &str = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u";
    all.unary("v128", "v128", "not");
    all.binary("v128", "v128", "and andnot or xor", "");
    all.chain("v128.bitselect", "v128", "local.get $v2 local.get $v2 v128.bitselect");
    all.unary("v128", "i8x16", "abs neg popcnt");
    let narrow = "narrow_i16x8_s narrow_i16x8_u";
    let bytes =
        "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u min_s min_u max_s max_u avgr_u swizzle";
    all.binary("v128", "i8x16", &format!("{bytes} {narrow} {COMPARE}"), "");
    all.chain(
        "i8x16.shuffle",
        "v128",
        "local.get $v2 i8x16.shuffle 3 17 5 1 30 2 9 8 7 6 25 4 11 12 13 29",
    );
    all.unary(
        "v128",
        "i16x8",
        "abs neg extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u extend_low_i8x16_s \
         extend_high_i8x16_s extend_low_i8x16_u extend_high_i8x16_u",
    );
    let extmul = "extmul_low_i8x16_s extmul_high_i8x16_s extmul_low_i8x16_u extmul_high_i8x16_u";
    let shorts = "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u mul min_s min_u max_s max_u avgr_u \
         q15mulr_sat_s narrow_i32x4_s narrow_i32x4_u";
    all.binary("v128", "i16x8", &format!("{shorts} {extmul} {COMPARE}"), "");
    all.unary(
        "v128",
        "i32x4",
        "abs neg extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u extend_low_i16x8_s \
         extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u trunc_sat_f32x4_s \
         trunc_sat_f32x4_u trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero",
    );
    let extmul = "extmul_low_i16x8_s extmul_high_i16x8_s extmul_low_i16x8_u extmul_high_i16x8_u";
    all.binary(
        "v128",
        "i32x4",
        &format!("add sub mul min_s min_u max_s max_u dot_i16x8_s {extmul} {COMPARE}"),
        "",
    );
    all.unary(
        "v128",
        "i64x2",
        "abs neg extend_low_i32x4_s extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u",
    );
    let extmul = "extmul_low_i32x4_s extmul_high_i32x4_s extmul_low_i32x4_u extmul_high_i32x4_u";
    all.binary("v128", "i64x2", &format!("add sub mul {extmul} eq ne lt_s gt_s le_s ge_s"), "");
    for shape in ["i8x16", "i16x8", "i32x4", "i64x2"] {
        for shift in ["shl", "shr_s", "shr_u"] {
            let operator = format!("{shape}.{shift}");
            all.chain(&operator, "v128", &format!("local.get $i2 {operator}"));
        }
        for test in ["all_true", "bitmask"] {
            let operator = format!("{shape}.{test}");
            all.chain(
                &format!("{operator}, i8x16.splat"),
                "v128",
                &format!("{operator} i8x16.splat"),
            );
        }
    }
    all.chain("v128.any_true, i8x16.splat", "v128", "v128.any_true i8x16.splat");
    for (shape, ty, lane) in [
        ("i8x16", "i32", "extract_lane_s 15"),
        ("i8x16", "i32", "extract_lane_u 1"),
        ("i16x8", "i32", "extract_lane_s 7"),
        ("i16x8", "i32", "extract_lane_u 1"),
        ("i32x4", "i32", "extract_lane 3"),
        ("i64x2", "i64", "extract_lane 1"),
        ("f32x4", "f32", "extract_lane 3"),
        ("f64x2", "f64", "extract_lane 1"),
    ] {
        let (there, back) = (format!("{shape}.{lane}"), format!("{shape}.splat"));
        all.chain(&format!("{there}, {back}"), "v128", &format!("{there} {back}"));
        let value = accumulator(ty);
        let replace = format!("{shape}.replace_lane 1");
        all.chain(&replace, "v128", &format!("local.get {value}2 {replace}"));
    }
    for shape in ["f32x4", "f64x2"] {
        all.unary("v128", shape, "abs neg sqrt ceil floor trunc nearest");
        all.binary("v128", shape, "add sub mul div min max pmin pmax eq ne lt gt le ge", "");
    }
    all.unary("v128", "f32x4", "convert_i32x4_s convert_i32x4_u demote_f64x2_zero");
    all.unary("v128", "f64x2", "convert_low_i32x4_s convert_low_i32x4_u promote_low_f32x4");
}

fn memory(all: &mut Patterns) {
    // Memory is zero there: the value that is read is the next address.
    for name in ["load", "load8_s", "load8_u", "load16_s", "load16_u"] {
        all.chain(&format!("i32.{name}"), "i32", &format!("i32.{name}"));
    }
    for name in ["load", "load8_s", "load8_u", "load16_s", "load16_u", "load32_s", "load32_u"] {
        all.chain(&format!("i64.{name}, wrap"), "i32", &format!("i64.{name} i32.wrap_i64"));
    }
    all.chain("f32.load, reinterpret", "i32", "f32.load i32.reinterpret_f32");
    all.chain("f64.load, reinterpret", "i32", "f64.load i64.reinterpret_f64 i32.wrap_i64");
    for name in [
        "load",
        "load8x8_s",
        "load8x8_u",
        "load16x4_s",
        "load16x4_u",
        "load32x2_s",
        "load32x2_u",
        "load8_splat",
        "load16_splat",
        "load32_splat",
        "load64_splat",
        "load32_zero",
        "load64_zero",
    ] {
        all.chain(
            &format!("v128.{name}, lane"),
            "i32",
            &format!("v128.{name} i32x4.extract_lane 0"),
        );
    }
    for size in ["8", "16", "32", "64"] {
        all.plain(
            &format!("v128.load{size}_lane"),
            &format!("i32.const 64 local.get $v v128.load{size}_lane 1 local.set $v\n"),
        );
        all.plain(
            &format!("v128.store{size}_lane"),
            &format!("i32.const 64 local.get $v v128.store{size}_lane 1\n"),
        );
    }
    for (ty, names) in [
        ("i32", "store store8 store16"),
        ("i64", "store store8 store16 store32"),
        ("f32", "store"),
        ("f64", "store"),
        ("v128", "store"),
    ] {
        for name in names.split_whitespace() {
            let value = accumulator(ty);
            all.plain(
                &format!("{ty}.{name}"),
                &format!("i32.const 64 local.get {value}2 {ty}.{name}\n"),
            );
        }
    }
    // What was stored in parts and is read as a whole waits for the store to end.
    all.plain(
        "two stores, one load",
        "i32.const 64 local.get $i2 i32.store i32.const 68 local.get $i2 i32.store \
         i32.const 64 i64.load local.set $l local.get $l i32.wrap_i64 local.set $i2\n",
    );
    all.plain("i32.load across two lines", "local.get $i i32.load offset=126 local.set $i\n");
    all.plain("i64.store across two pages", "i32.const 0 local.get $l2 i64.store offset=12286\n");
    for bytes in ["0", "1", "64", "200", "4096", "65536"] {
        all.plain(
            &format!("memory.copy of {bytes}"),
            &format!("i32.const 65536 i32.const 7 i32.const {bytes} memory.copy\n"),
        );
        all.plain(
            &format!("memory.fill of {bytes}"),
            // Beyond what stays resident, where a page is not there before it is written to.
            &format!("i32.const 131072 i32.const 7 i32.const {bytes} memory.fill\n"),
        );
        all.plain(
            &format!("memory.copy of {bytes}, not known before"),
            &format!(
                "i32.const 65536 i32.const 7 local.get $i i32.const {bytes} i32.add memory.copy\n"
            ),
        );
    }
    all.plain(
        "memory.fill of 1 before a page that was never touched",
        "i32.const 135167 i32.const 7 i32.const 1 memory.fill\n",
    );
    all.plain(
        "memory.fill of 60 before a page that was never touched",
        "i32.const 135108 i32.const 7 i32.const 60 memory.fill\n",
    );
    for bytes in ["0", "1", "60"] {
        all.plain(
            &format!("memory.init of {bytes}"),
            &format!("i32.const 65536 i32.const 1 i32.const {bytes} memory.init $passive\n"),
        );
    }
    all.plain("memory.size", "memory.size local.get $i i32.add local.set $i\n");
    all.plain("memory.grow 0", "i32.const 0 memory.grow drop\n");
    all.plain("data.drop", "data.drop $dropped\n");
}

fn tables(all: &mut Patterns) {
    all.plain("table.get, ref.is_null", "local.get $i table.get $t ref.is_null local.set $i\n");
    all.plain("table.set", "i32.const 3 ref.null func table.set $t\n");
    all.plain("table.set of a function", "i32.const 3 ref.func $leaf table.set $t\n");
    all.plain("table.size", "table.size $t local.get $i i32.add local.set $i\n");
    all.plain("table.grow 0", "ref.null func i32.const 0 table.grow $t drop\n");
    for count in ["0", "1", "8", "1000"] {
        all.plain(
            &format!("table.copy of {count}"),
            &format!("i32.const 1000 i32.const 8 i32.const {count} table.copy $t $t\n"),
        );
        all.plain(
            &format!("table.fill of {count}"),
            &format!("i32.const 1000 ref.null func i32.const {count} table.fill $t\n"),
        );
        all.plain(
            &format!("table.fill of {count} functions"),
            &format!("i32.const 1000 ref.func $leaf i32.const {count} table.fill $t\n"),
        );
    }
    for count in ["0", "1", "8"] {
        all.plain(
            &format!("table.init of {count}"),
            &format!("i32.const 1000 i32.const 0 i32.const {count} table.init $t $passive\n"),
        );
    }
    all.plain("elem.drop", "elem.drop $dropped\n");
    all.plain("ref.func", "ref.func $leaf ref.is_null local.set $i\n");
}

fn control(all: &mut Patterns) {
    all.chain("global.get, global.set", "i64", "global.set $g global.get $g");
    all.chain("select", "i64", "local.get $l2 local.get $i select");
    all.chain("select of v128", "v128", "local.get $v2 local.get $i select (result v128)");
    all.plain("br_if, never", "block local.get $i br_if 0 end\n");
    all.plain("br_if, always", "block local.get $i2 br_if 0 unreachable end\n");
    all.plain("br_table", "block block block local.get $i br_table 0 1 2 end end end\n");
    all.plain(
        "if, else",
        "local.get $i if (result i64) local.get $l2 else local.get $l end local.set $l\n",
    );
    all.plain("loop", "loop end\n");
    // A generator of three multiplications' quality, so that no processor learns it.
    let dice = "local.get $seed i64.const 6364136223846793005 i64.mul i64.const 1442695040888963407 \
         i64.add local.tee $seed i64.const 33 i64.shr_u i32.wrap_i64";
    all.plain(
        "br_if by chance",
        &format!(
            "block block {dice} i32.const 1 i32.and br_if 0 i32.const 64 local.get $l2 i64.store br 1 end \
             i32.const 72 local.get $l2 i64.store end\n"
        ),
    );
    let arms: String = (0..16)
        .map(|arm| {
            format!("i32.const {} local.get $l2 i64.store br {} end ", 64 + arm * 8, 15 - arm)
        })
        .collect();
    all.0.push(Pattern {
        name: "br_table by chance".to_owned(),
        body: format!(
            "{} {dice} i32.const 15 i32.and br_table 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 end {}",
            "block ".repeat(17),
            // The last arm falls out.
            arms.trim_end_matches("br 0 end ").to_owned() + " end\n"
        ),
        times: 4,
    });
    all.plain(
        "call_indirect by chance",
        &format!("{dice} i32.const 7 i32.and call_indirect (type $none)\n"),
    );
    all.plain("call of a leaf", "call $leaf\n");
    all.plain("call of no leaf", "call $calls\n");
    all.plain("call_indirect of a leaf", "local.get $i call_indirect (type $none)\n");
    all.plain("call, 16 arguments", &format!("{} call $takes\n", "local.get $v2 ".repeat(16)));
    all.plain("call, 16 results", &format!("call $gives {}\n", "drop ".repeat(16)));
}

/// All of them.
pub fn patterns() -> Vec<Pattern> {
    let mut all = Patterns(Vec::new());
    integers(&mut all);
    floats(&mut all);
    subnormals(&mut all);
    vectors(&mut all);
    memory(&mut all);
    tables(&mut all);
    control(&mut all);
    all.0
}
