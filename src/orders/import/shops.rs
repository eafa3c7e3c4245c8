//! What the columns of each shop's order file mean.
//!
//! Headers are matched by name (`header.rs` does it), never by place. Where a shop has several names for a field, the
//! first one listed that the file has is read.
//!
//! # The generic file
//! For shops without a format of their own. One row per line of an order; rows with one `order_no` are one order.
//!
//! | column | or | |
//! |---|---|---|
//! | `order_no` | 订单号 订单编号 | required |
//! | `line_no` | 行号 子订单号 子订单编号 | |
//! | `sku_code` / `product` | 商家编码 规格编码 SKU编码 / 商品 商品名称 | one of both is required |
//! | `spec` | 规格 商品规格 | |
//! | `quantity` | 数量 商品数量 | required; cases, 1 to 9,999 |
//! | `goods_yuan` | 商品金额 商品总价 | required; yuan for the whole line |
//! | `freight_yuan` `paid_yuan` | 运费 邮费 / 实付金额 订单金额 | once per order |
//! | `refunded_yuan` | 退款金额 | per line |
//! | `status` | 订单状态 状态 | required: `paid` 待发货, `awaiting_payment` 待付款, `shipped` 已发货, `delivered` 已签收, `cancelled` 已取消, `refunded` 已退款 |
//! | `recipient` `phone` | 收货人 收件人 … / 手机号 联系电话 … | required |
//! | `province` `city` `district` `street` | 省 市 区 详细地址 … | `street` is required; alone it is the full address |
//! | `paid_at` `placed_at` | 支付时间 / 下单时间 | China time, `2024-01-12 19:16:55` |
//! | `note` `seller_note` `buyer` `host` | 买家备注 备注 / 商家备注 / 下单人 买家 / 主播 带货人 | |
//! | `carrier` `waybill` | 快递公司 / 快递单号 运单号 | |

use super::Shop;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    OrderNo,
    LineNo,
    Buyer,
    Product,
    Spec,
    SkuCode,
    Quantity,
    /// Yuan of the row's goods.
    Goods,
    /// Yuan of the whole order; repeats on each of its rows.
    Paid,
    Freight,
    /// Yuan given back for the row.
    Refunded,
    /// Yuan given back for the order; repeats on each of its rows.
    OrderRefunded,
    Status,
    AfterSale,
    Recipient,
    Phone,
    Province,
    City,
    District,
    Street,
    PaidAt,
    PlacedAt,
    BuyerNote,
    SellerNote,
    Carrier,
    Waybill,
    Host,
}

pub(super) const FIELDS: usize = Field::Host as usize + 1;

type Names = &'static [(Field, &'static [&'static str])];

/// Names that mean the same in every shop's file; the shop's own table is asked first.
const SHARED: Names = {
    use Field::*;
    &[
        (Status, &["订单状态", "状态", "status"]),
        (AfterSale, &["售后状态", "商品售后"]),
        (
            Recipient,
            &["收货人", "收件人", "收货人姓名", "收件人姓名", "recipient"],
        ),
        (
            Phone,
            &[
                "联系电话",
                "收件人手机号",
                "收件人手机",
                "收货人手机号",
                "手机号",
                "手机",
                "phone",
            ],
        ),
        (Province, &["省", "省份", "收货省", "province"]),
        (City, &["市", "城市", "收货市", "city"]),
        (District, &["区", "区县", "区/县", "收货区", "district"]),
        (
            Street,
            &[
                "详细地址",
                "收件人地址",
                "收货地址",
                "收货人地址",
                "街道地址",
                "地址",
                "street",
                "address",
            ],
        ),
        (PaidAt, &["支付时间", "支付完成时间", "付款时间", "paid_at"]),
        (
            PlacedAt,
            &[
                "下单时间",
                "订单提交时间",
                "订单下单时间",
                "订单成交时间",
                "订单创建时间",
                "placed_at",
            ],
        ),
        (BuyerNote, &["买家备注", "买家留言", "团员备注", "备注", "note"]),
        (SellerNote, &["商家备注", "团长备注", "seller_note"]),
        (Carrier, &["快递公司", "物流公司", "carrier"]),
        (Waybill, &["快递单号", "运单号", "物流单号", "waybill"]),
        (Host, &["达人昵称", "带货账号昵称", "主播", "带货人", "host"]),
    ]
};

const KUAITUANTUAN: Names = {
    use Field::*;
    &[
        (OrderNo, &["跟团号"]),
        (Buyer, &["下单人"]),
        (Product, &["商品", "商品名称"]),
        (Spec, &["规格", "商品规格"]),
        (SkuCode, &["商家编码", "商品编码", "规格编码"]),
        (Quantity, &["数量", "商品数量"]),
        (Goods, &["商品金额"]),
        (Paid, &["订单金额", "实付金额"]),
        (Freight, &["运费"]),
        (Refunded, &["退款金额"]),
        (OrderRefunded, &["订单退款"]),
    ]
};

const DOUDIAN: Names = {
    use Field::*;
    &[
        (OrderNo, &["主订单编号"]),
        (LineNo, &["子订单编号"]),
        (Product, &["选购商品", "商品名称"]),
        (Spec, &["商品规格", "规格"]),
        (SkuCode, &["商家编码"]),
        (Quantity, &["商品数量"]),
        (Goods, &["商品金额"]),
        (Paid, &["订单应付金额"]),
        (Freight, &["运费"]),
        (Refunded, &["退款金额"]),
    ]
};

const WEIXIN: Names = {
    use Field::*;
    &[
        (OrderNo, &["订单号"]),
        (Product, &["商品名称"]),
        (Spec, &["商品属性"]),
        (SkuCode, &["SKU编码(自定义)", "商品编码(自定义)"]),
        (Quantity, &["商品数量"]),
        (Goods, &["商品实际价格(总共)"]),
        (Paid, &["订单实际支付金额"]),
        (Freight, &["订单运费"]),
        (Refunded, &["商品已退款金额"]),
    ]
};

const PINDUODUO: Names = {
    use Field::*;
    &[
        (OrderNo, &["订单号"]),
        (Product, &["商品", "商品名称"]),
        (Spec, &["商品规格"]),
        (SkuCode, &["商家编码-规格维度", "商家编码-商品维度"]),
        (Quantity, &["商品数量"]),
        (Goods, &["商品总价"]),
        (Paid, &["用户实付金额"]),
        (Freight, &["邮费"]),
    ]
};

const GENERIC: Names = {
    use Field::*;
    &[
        (OrderNo, &["order_no", "订单号", "订单编号"]),
        (LineNo, &["line_no", "行号", "子订单号", "子订单编号"]),
        (Buyer, &["buyer", "下单人", "买家"]),
        (Product, &["product", "商品", "商品名称"]),
        (Spec, &["spec", "规格", "商品规格"]),
        (SkuCode, &["sku_code", "商家编码", "规格编码", "SKU编码"]),
        (Quantity, &["quantity", "数量", "商品数量"]),
        (Goods, &["goods_yuan", "商品金额", "商品总价"]),
        (Paid, &["paid_yuan", "实付金额", "订单金额"]),
        (Freight, &["freight_yuan", "运费", "邮费"]),
        (Refunded, &["refunded_yuan", "退款金额"]),
    ]
};

/// Column names that only one shop uses.
pub(super) const SIGNATURES: &[(Shop, &[&str])] = &[
    (Shop::Kuaituantuan, &["跟团号"]),
    (Shop::Doudian, &["主订单编号"]),
    (
        Shop::Weixin,
        &[
            "带货账号昵称",
            "SKU编码(自定义)",
            "商品编码(自定义)",
            "商品实际价格(总共)",
        ],
    ),
    (
        Shop::Pinduoduo,
        &[
            "样式ID",
            "商家编码-规格维度",
            "商家编码-商品维度",
            "用户实付金额",
            "商家实收金额",
        ],
    ),
];

/// The fields a file must have; of each group one is enough.
pub(super) fn required(shop: Shop) -> &'static [&'static [Field]] {
    use Field::*;
    match shop {
        Shop::Kuaituantuan => &[
            &[OrderNo],
            &[Product],
            &[Goods, Paid],
            &[Status],
            &[PaidAt],
            &[Recipient],
            &[Phone],
            &[Street],
        ],
        Shop::Doudian => &[
            &[OrderNo],
            &[LineNo],
            &[SkuCode, Product],
            &[Quantity],
            &[Goods],
            &[Status],
            &[Recipient],
            &[Phone],
            &[Street],
        ],
        Shop::Weixin | Shop::Pinduoduo | Shop::Generic => &[
            &[OrderNo],
            &[SkuCode, Product],
            &[Quantity],
            &[Goods],
            &[Status],
            &[Recipient],
            &[Phone],
            &[Street],
        ],
    }
}

fn own_names(shop: Shop) -> Names {
    match shop {
        Shop::Kuaituantuan => KUAITUANTUAN,
        Shop::Doudian => DOUDIAN,
        Shop::Weixin => WEIXIN,
        Shop::Pinduoduo => PINDUODUO,
        Shop::Generic => GENERIC,
    }
}

pub(super) fn names(shop: Shop) -> impl Iterator<Item = &'static (Field, &'static [&'static str])> {
    own_names(shop).iter().chain(SHARED)
}

pub(super) fn names_of(shop: Shop, field: Field) -> String {
    let found: Vec<&str> = names(shop)
        .filter(|(named, _)| *named == field)
        .flat_map(|(_, names)| names.iter().copied())
        .collect();
    found.join(" / ")
}

#[cfg(test)]
mod tests {
    use super::super::words::normal;
    use super::*;

    #[test]
    fn no_name_means_two_things_in_one_shop() {
        for shop in Shop::ALL {
            let mut seen = std::collections::HashMap::new();
            for (field, names) in names(shop) {
                for name in *names {
                    let before = seen.insert(normal(name), *field);
                    assert!(before.is_none(), "{shop:?}: {name} is {before:?} and {field:?}");
                }
            }
        }
    }
}
