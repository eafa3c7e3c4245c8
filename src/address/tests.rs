use super::*;

fn at(province: &str, city: &str, district: &str) -> (String, &'static str) {
    let region =
        resolve(province, city, district).unwrap_or_else(|e| panic!("{province} {city} {district}: {e}"));
    (
        format!("{} {} {}", region.province, region.city, region.district),
        region.code,
    )
}

#[rustfmt::skip]
const SHAPES: &[(&str, &str, &str, &str, &str)] = &[
    ("河南省", "平顶山市", "鲁山县", "河南省 平顶山市 鲁山县", "410423"),
    ("河南", "平顶山", "鲁山", "河南省 平顶山市 鲁山县", "410423"),
    (" 河 南 省", "平顶山市　", "鲁山县 ", "河南省 平顶山市 鲁山县", "410423"),
    ("河南", "平顶山", "高新区", "河南省 平顶山市 高新区", "410400"),
    ("河南省", "平顶山市", "平顶山高新技术产业开发区", "河南省 平顶山市 平顶山高新技术产业开发区", "410471"),
    ("内蒙古", "呼和浩特", "和林格尔", "内蒙古自治区 呼和浩特市 和林格尔县", "150123"),
    ("内蒙", "锡林郭勒盟", "锡林浩特市", "内蒙古自治区 锡林郭勒盟 锡林浩特市", "152502"),
    ("新疆", "伊犁", "伊宁市", "新疆维吾尔自治区 伊犁哈萨克自治州 伊宁市", "654002"),
    ("新疆", "和田", "和康县", "新疆维吾尔自治区 和田地区 和康县", "653228"),
    ("新疆", "和田地区", "和安县", "新疆维吾尔自治区 和田地区 和安县", "653229"),
    ("新疆", "克州", "阿图什市", "新疆维吾尔自治区 克孜勒苏柯尔克孜自治州 阿图什市", "653001"),
    ("广西壮族自治区", "桂林市", "恭城县", "广西壮族自治区 桂林市 恭城瑶族自治县", "450332"),
    ("黑龙江", "齐齐哈尔", "梅里斯区", "黑龙江省 齐齐哈尔市 梅里斯达斡尔族区", "230208"),
    ("贵州", "黔南州", "都匀市", "贵州省 黔南布依族苗族自治州 都匀市", "522701"),
    // Municipalities: second level 市辖区 and 县.
    ("北京市", "市辖区", "海淀区", "北京市 北京市 海淀区", "110108"),
    ("北京", "北京", "海淀", "北京市 北京市 海淀区", "110108"),
    ("北京市", "", "海淀区", "北京市 北京市 海淀区", "110108"),
    ("上海市", "上海市", "浦东区", "上海市 上海市 浦东新区", "310115"),
    ("重庆市", "县", "垫江县", "重庆市 重庆市 垫江县", "500231"),
    ("重庆市", "市辖区", "两江新区", "重庆市 重庆市 两江新区", "500157"),
    ("重庆市", "重庆市", "渝北区", "重庆市 重庆市 渝北区", "500112"),
    ("重庆", "县", "石柱县", "重庆市 重庆市 石柱土家族自治县", "500240"),
    // Directly under a province.
    ("河南省", "省直辖县级行政区划", "济源市", "河南省 济源市 济源市", "419001"),
    ("河南省", "济源市", "", "河南省 济源市 济源市", "419001"),
    ("河南", "济源", "济源", "河南省 济源市 济源市", "419001"),
    ("河南", "", "济源市", "河南省 济源市 济源市", "419001"),
    ("湖北", "神农架", "", "湖北省 神农架林区 神农架林区", "429021"),
    ("湖北省", "仙桃市", "沔城回族镇", "湖北省 仙桃市 沔城回族镇", "429004"),
    ("海南省", "白沙县", "", "海南省 白沙黎族自治县 白沙黎族自治县", "469025"),
    ("新疆", "自治区直辖县级行政区划", "石河子市", "新疆维吾尔自治区 石河子市 石河子市", "659001"),
    ("新疆", "草湖市", "", "新疆维吾尔自治区 草湖市 草湖市", "659013"),
    // Without districts.
    ("广东省", "东莞市", "", "广东省 东莞市 东莞市", "441900"),
    ("广东省", "东莞市", "东莞市", "广东省 东莞市 东莞市", "441900"),
    ("广东省", "中山市", "西区街道", "广东省 中山市 西区街道", "442000"),
    ("广东省", "中山市", "东区", "广东省 中山市 东区", "442000"),
    ("甘肃省", "嘉峪关市", "峪泉镇", "甘肃省 嘉峪关市 峪泉镇", "620201"),
    ("海南省", "儋州市", "国营蓝洋农场", "海南省 儋州市 国营蓝洋农场", "460400"),
    ("海南", "三沙", "西沙区", "海南省 三沙市 西沙区", "460302"),
    // A county-level city in the city's place, a former name, a unit of another kind.
    ("福建省", "福清市", "", "福建省 福州市 福清市", "350181"),
    ("福建省", "福清市", "福清市", "福建省 福州市 福清市", "350181"),
    ("河南省", "", "鲁山县", "河南省 平顶山市 鲁山县", "410423"),
    ("浙江省", "杭州市", "下城区", "浙江省 杭州市 下城区", "330103"),
    ("河南省", "洛阳市", "偃师市", "河南省 洛阳市 偃师区", "410307"),
    ("广东省", "深圳市", "龙华新区", "广东省 深圳市 龙华区", "440309"),
    // Outside the table.
    ("香港特别行政区", "", "湾仔区", "香港特别行政区 香港特别行政区 湾仔区", "810000"),
    ("香港", "九龙", "观塘区", "香港特别行政区 香港特别行政区 九龙观塘区", "810000"),
    ("澳门", "澳门", "", "澳门特别行政区 澳门特别行政区 澳门特别行政区", "820000"),
    ("台湾", "台北市", "大安区", "台湾省 台湾省 台北市大安区", "710000"),
];

#[test]
fn every_shape_of_place_resolves() {
    for &(province, city, district, expected, code) in SHAPES {
        assert_eq!(
            at(province, city, district),
            (expected.to_owned(), code),
            "{province} {city} {district}"
        );
    }
    assert_eq!(resolve("河南", "平顶山", "叶县").unwrap().province_code(), "41");
}

#[test]
fn every_area_of_the_table_resolves_to_its_code() {
    let table = table();
    for (index, area) in table.districts.iter().enumerate() {
        let city = &table.cities[area.parent];
        let province = &table.provinces[city.parent];
        for (province_name, city_name) in [(province.name, city.name), (province.stem, city.stem)] {
            let region = resolve(province_name, city_name, area.name).unwrap();
            assert_eq!(
                (region.code, region.city, &*region.district),
                (area.code, city.name, area.name)
            );
        }
        let same_stem = |other: &&areas::Area| other.stem == area.stem && other.parent == area.parent;
        if table.districts.iter().filter(same_stem).count() == 1 {
            assert_eq!(
                resolve(province.name, city.name, area.stem).unwrap().code,
                area.code,
                "{index}"
            );
        }
    }
    for city in table.cities.iter().filter(|city| city.is_lone()) {
        let province = table.provinces[city.parent].name;
        for district in ["", city.name] {
            assert_eq!(
                resolve(province, city.name, district).unwrap().code,
                city.code,
                "{}",
                city.name
            );
        }
    }
}

#[rustfmt::skip]
const MISTAKES: &[(&str, &str, &str, AddressField, &str)] = &[
    ("", "平顶山市", "鲁山县", AddressField::Province, "河南"),
    ("河北道", "平顶山市", "鲁山县", AddressField::Province, "河北"),
    ("****", "平顶山市", "鲁山县", AddressField::Province, "河南"),
    ("河南省", "", "", AddressField::City, "平顶山市"),
    ("河南省", "", "新华区区", AddressField::City, "平顶山市"),
    ("河南省", "市辖区", "朝阳区", AddressField::City, "平顶山市"),
    ("河北省", "", "新华区", AddressField::City, "石家庄市"),
    ("河南省", "深圳市", "南山区", AddressField::City, "属于广东省"),
    ("福建省", "福清市", "石竹街道", AddressField::City, "属于福州市"),
    ("北京市", "天津市", "海淀区", AddressField::City, "属于天津市"),
    ("河南省", "平顶山市", "", AddressField::District, "鲁山县"),
    ("河南省", "平顶山市", "朝阳区", AddressField::District, "北京市"),
    ("河南省", "平顶山市", "浦东新区", AddressField::District, "属于上海市"),
    ("河南省", "平顶山市", "瞎写", AddressField::District, "鲁山县"),
    ("河南省", "平顶山市", "<b>开发区", AddressField::District, "鲁山县"),
    ("新疆", "和田地区", "和田", AddressField::District, "和田市"),
    ("广东省", "东莞市", "南山区", AddressField::District, "属于"),
    ("北京市", "北京市", "鲁山县", AddressField::District, "属于平顶山市"),
];

#[test]
fn errors_name_the_field_and_the_way_out() {
    for &(province, city, district, field, hint) in MISTAKES {
        let error = resolve(province, city, district).unwrap_err();
        assert_eq!(error.field, field, "{province} {city} {district}: {}", error.zh);
        assert!(error.zh.contains(hint), "{hint} in {}", error.zh);
        assert!(
            error.en.is_ascii() || error.en.contains("; one of: "),
            "{}",
            error.en
        );
        assert!(error.zh.chars().count() < 400);
    }
}

#[test]
fn pickers_walk_down_the_table() {
    assert_eq!(provinces().count(), 34);
    assert_eq!(
        children("410000").filter(|(_, name)| *name == "济源市").count(),
        1
    );
    assert_eq!(children("110000").collect::<Vec<_>>(), [("110100", "北京市")]);
    assert!(children("110100").any(|area| area == ("110108", "海淀区")));
    assert!(children("500100").any(|area| area == ("500157", "两江新区")));
    assert!(
        !children("500100").any(|(_, name)| name == "渝北区"),
        "former areas are not offered"
    );
    assert_eq!(
        children("441900").count() + children("999999").count() + children("").count(),
        0
    );
    // What pickers offer resolves to the code they showed.
    for (_, province) in provinces() {
        let code = provinces().find(|(_, name)| *name == province).unwrap().0;
        for (city_code, city) in children(code) {
            for (district_code, district) in children(city_code) {
                assert_eq!(resolve(province, city, district).unwrap().code, district_code);
            }
        }
    }
    assert_eq!(province_name("41"), Some("河南省"));
    assert_eq!(province_name("4"), None);
    assert_eq!(province_name(""), None);
}
