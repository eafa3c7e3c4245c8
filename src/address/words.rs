//! The words around an address in pasted text: labels, titles, family names, notes to the courier, and what tells a name
//! from a street.

/// What a label says about the text after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Name,
    Phone,
    Address,
    /// Postcode, note, goods: nothing that belongs on the parcel.
    Other,
}

/// Labels that are clear wherever they stand.
#[rustfmt::skip]
const LABELS: [(&str, Label); 33] = [
    ("收货人姓名", Label::Name), ("收件人姓名", Label::Name), ("收货人", Label::Name),
    ("收件人", Label::Name), ("联系人", Label::Name), ("收货电话", Label::Phone), ("收件电话", Label::Phone),
    ("收货人电话", Label::Phone), ("收件人电话", Label::Phone), ("收货人手机", Label::Phone),
    ("收件人手机", Label::Phone), ("收货人手机号", Label::Phone), ("收件人手机号", Label::Phone),
    ("手机号码", Label::Phone), ("手机号", Label::Phone), ("联系电话", Label::Phone),
    ("联系方式", Label::Phone), ("电话号码", Label::Phone), ("联系手机", Label::Phone),
    ("所在地区", Label::Address), ("所在省市", Label::Address), ("所在区域", Label::Address),
    ("详细地址", Label::Address), ("收货地址", Label::Address), ("收件地址", Label::Address),
    ("收货人地址", Label::Address), ("收件人地址", Label::Address), ("寄件地址", Label::Address),
    ("邮寄地址", Label::Address), ("邮政编码", Label::Other), ("买家留言", Label::Other),
    ("订单备注", Label::Other), ("邮编", Label::Other),
];

/// Short words that are labels only before a colon, at the start of a piece, or (电话) before a number.
#[rustfmt::skip]
const SHORT_LABELS: [(&str, Label); 24] = [
    ("注", Label::Other), ("收货", Label::Address), ("姓名", Label::Name), ("名字", Label::Name),
    ("名称", Label::Name), ("收方", Label::Name), ("电话", Label::Phone), ("手机", Label::Phone),
    ("电联", Label::Phone), ("座机", Label::Phone), ("tel", Label::Phone), ("phone", Label::Phone),
    ("mobile", Label::Phone), ("地址", Label::Address), ("地区", Label::Address), ("省市区", Label::Address),
    ("街道", Label::Address), ("区域", Label::Address), ("备注", Label::Other), ("留言", Label::Other),
    ("商品", Label::Other), ("数量", Label::Other), ("规格", Label::Other), ("订单号", Label::Other),
];

/// The label at the start of `text` and its length in bytes, the longest first. `fresh`: nothing stands before it in its
/// piece. `phone_mark` is the sign that stands for a number already taken out of the text.
pub(super) fn leading_label(text: &str, fresh: bool, phone_mark: char) -> Option<(Label, usize)> {
    let clear = LABELS.iter().filter(|(word, _)| text.starts_with(word));
    if let Some((word, label)) = clear.max_by_key(|(word, _)| word.len()) {
        return Some((*label, word.len()));
    }
    let (word, label) = SHORT_LABELS
        .iter()
        .filter(|(word, _)| {
            text.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
        })
        .max_by_key(|(word, _)| word.len())?;
    let after = text[word.len()..].trim_start_matches(' ');
    let announced = after.starts_with(':') || (*label == Label::Phone && after.starts_with(phone_mark));
    // 地区 and 街道 end names of places, 商品 begins those of goods: these need their colon.
    let alone = fresh && ["姓名", "名字", "地址"].contains(word);
    (announced || alone).then_some((*label, word.len()))
}

const FAMILY_NAMES: &str = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方\
俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒\
屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫经房裘缪干解应宗丁宣邓郁单杭洪包诸左石崔吉钮龚程\
邢裴陆荣翁荀羊惠甄曲封储靳段富巫焦巴弓牧隗山谷车侯全班仰秋仲伊宫宁仇栾甘厉戎祖武符刘景詹束龙叶幸司黎薄印宿白怀蒲邰从鄂索籍赖卓蔺屠蒙池乔\
阴能苍双闻莘党翟谭贡劳姬申扶堵冉宰郦桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广\
东欧沃利蔚越师巩厍聂晁勾敖冷訾辛阚那简饶空曾沙养鞠须丰巢关相查后荆红游竺权盖益桓公肖付闫代邸仝冼区么户";
#[rustfmt::skip]
const DOUBLE_FAMILY_NAMES: [&str; 18] = [
    "欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "南宫", "夏侯",
    "端木", "轩辕", "百里", "呼延", "独孤",
];
#[rustfmt::skip]
const TITLES: [&str; 18] = [
    "先生", "女士", "小姐", "老师", "同学", "阿姨", "叔叔", "大姐", "大哥", "师傅", "经理", "医生", "太太",
    "老板", "小姐姐", "大爷", "大妈", "主任",
];

/// Ends of names of places and houses: what ends so is part of a street, not a person.
const PLACE_ENDINGS: &str = "省市区县镇乡村路街巷弄道号栋幢楼室层户座苑园庄屯组队社场厦店厂校院站所里坊寨桥湾城门口处部府邸旁侧边柜仓";
#[rustfmt::skip]
const PLACE_WORDS: [&str; 34] = [
    "小区", "花园", "单元", "大厦", "广场", "公司", "学校", "大学", "中学", "小学", "医院", "公寓", "家园",
    "社区", "街道", "大道", "村委", "驿站", "超市", "宿舍", "新村", "工业", "号楼", "名苑", "酒店", "宾馆",
    "银行", "政府", "派出所", "快递柜", "对面", "附近", "隔壁", "交叉",
];
/// What only a note to the courier or the shop says.
#[rustfmt::skip]
const NOTE_WORDS: [&str; 51] = [
    "一箱", "两箱", "三箱", "我要", "要买", "请", "勿", "不要", "别发", "不收", "拒收", "到付", "谢谢",
    "感谢", "尽快", "麻烦", "急用", "加急", "放门口", "放在门口", "放门卫", "放前台", "放物业", "打电话",
    "打个电话", "电话联系", "提前联系", "提前电话", "联系我", "工作日", "周末", "送货上门", "送上门", "派送",
    "配送", "包装", "易碎", "轻放", "发顺丰", "发中通", "发圆通", "发邮政", "顺丰快递", "中通快递",
    "圆通快递", "韵达快递", "申通快递", "百世快递", "发到这个", "寄到这个", "发货",
];

pub(super) fn is_note(piece: &str) -> bool {
    NOTE_WORDS.iter().any(|word| piece.contains(word))
}

pub(super) fn is_postcode(piece: &str) -> bool {
    piece.len() == 6 && piece.bytes().all(|b| b.is_ascii_digit())
}

pub(super) fn looks_like_place(piece: &str) -> bool {
    piece.chars().any(|c| c.is_ascii_digit())
        || PLACE_WORDS.iter().any(|word| piece.contains(word))
        || (piece.chars().count() > 1 && piece.ends_with(|c| PLACE_ENDINGS.contains(c)))
}

pub(super) fn is_han(c: char) -> bool {
    ('\u{3400}'..='\u{9FFF}').contains(&c) || ('\u{20000}'..='\u{323AF}').contains(&c) || c == '〇'
}

/// How much a piece looks like a person's name, 0 (not at all) to 95.
pub(super) fn name_score(piece: &str) -> u8 {
    let (bare, extension) = without_extension(piece);
    let length = bare.chars().count();
    if length == 0 || length > 15 || is_note(bare) {
        return 0;
    }
    if TITLES.iter().any(|title| {
        bare.strip_suffix(title)
            .is_some_and(|rest| !rest.is_empty() && length <= 7)
    }) {
        return 95;
    }
    let family = has_family_name(bare);
    let han = bare.chars().all(|c| is_han(c) || c == '·');
    if looks_like_place(bare) {
        // 李楼, 张小路: possible, if nothing better is there.
        return if han && family && (2..=3).contains(&length) {
            30
        } else {
            0
        };
    }
    let score = match length {
        _ if !han => {
            return if bare.chars().all(|c| c.is_alphanumeric() || "·.-_*".contains(c)) {
                45
            } else {
                0
            };
        }
        2..=3 if family => 85,
        4 if family => 70,
        5.. if bare.contains('·') => 85,
        2..=3 => 50,
        4 => 45,
        1 => 35,
        _ => 15,
    };
    score + if extension { 5 } else { 0 }
}

/// Shops append the extension of a privacy number to the name: 张三[3060].
fn without_extension(piece: &str) -> (&str, bool) {
    let inner = piece.strip_suffix(']').and_then(|rest| rest.split_once('['));
    match inner {
        Some((name, digits)) if digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_digit()) => {
            (name, true)
        }
        _ => (piece, false),
    }
}

pub(super) fn has_family_name(piece: &str) -> bool {
    let mut chars = piece.chars();
    let first = chars.next();
    let long = chars.nth(1).is_some();
    (long && DOUBLE_FAMILY_NAMES.iter().any(|name| piece.starts_with(name)))
        || first.is_some_and(|c| FAMILY_NAMES.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_score_above_streets() {
        for (name, street) in [
            ("张三", "建设路"),
            ("欧阳小三", "紫薇花园"),
            ("韩先生", "万达广场"),
            ("阿卜杜拉·买买提", "三村"),
            ("柚子", "南门口"),
            ("王先生[3060]", "5号楼"),
            ("李楼", "鲁山县第一高级中学"),
        ] {
            assert!(name_score(name) > name_score(street), "{name} {street}");
        }
        for nothing in ["", "请放门口", "到付拒收", "5号楼2单元", "人民路小学"] {
            assert_eq!(name_score(nothing), 0, "{nothing}");
        }
    }

    #[test]
    fn labels_need_their_place() {
        let label = |text: &str, fresh| leading_label(text, fresh, '\u{1}');
        assert_eq!(label("收货人姓名：张三", false), Some((Label::Name, 15)));
        assert_eq!(label("电话:199", false), Some((Label::Phone, 6)));
        assert_eq!(label("电话\u{1}", false), Some((Label::Phone, 6)));
        assert_eq!(label("电话局家属院", false), None);
        assert_eq!(label("地址河南省", true), Some((Label::Address, 6)));
        assert_eq!(label("街道办事处", true), None);
        assert_eq!(label("Tel:", true), Some((Label::Phone, 3)));
        assert_eq!(label("é", true), None);
    }
}
