"""Reads the workbooks of a batch with openpyxl and adds them up again.

    CUNJI_PAPER_DIR=/tmp/paper cargo test --lib paper
    pip install openpyxl
    python3 tests/oracle/paper_openpyxl.py /tmp/paper

Checks that both workbooks open, that text stayed text and days are days, that no cell is a formula, that every printed
sum is that of its rows, and that packing list, sums and hand-over sheet agree per carrier.
"""

import datetime
import pathlib
import sys
from collections import Counter

import openpyxl


def table(folder, name, sheet):
    """The heads, the rows as dicts, and the sum row of one sheet."""
    page = openpyxl.load_workbook(folder / name)[sheet]
    rows = [list(row) for row in page.iter_rows()]
    for row in rows:
        for cell in row:
            assert cell.data_type != "f", f"{name} {cell.coordinate}: a formula"
    heads = [cell.value.split()[0] for cell in rows[0]]
    values = [[cell.value for cell in row] for row in rows[1:]]
    assert page.print_title_rows == "$1:$1", f"{name}: heads are not repeated"
    assert page.page_setup.paperSize == 9, f"{name}: not A4"
    return [dict(zip(heads, row)) for row in values[:-1]], dict(zip(heads, values[-1]))


def added(rows, key):
    cases, grams = Counter(), Counter()
    for row in rows:
        assert isinstance(row["箱数"], int) and isinstance(row["重量克"], int), row
        cases[key(row)] += row["箱数"]
        grams[key(row)] += row["重量克"]
    return cases, grams


def main():
    folder = pathlib.Path(sys.argv[1])
    lines, total = table(folder, "packing-list.xlsx", "装箱单")
    sums, sums_total = table(folder, "packing-list.xlsx", "合计")
    parcels, parcels_total = table(folder, "hand-over.xlsx", "交接单")
    assert lines and parcels, "no rows"

    for rows, last in [(lines, total), (sums, sums_total), (parcels, parcels_total)]:
        cases, grams = added(rows, lambda row: None)
        assert (last["箱数"], last["重量克"]) == (cases[None], grams[None]), last

    def goods(row):
        return row["快递"], row["产品"], row["批次"], row["保质期至"]

    assert added(lines, goods) == added(sums, goods), "the sums differ from the lines"

    def carrier(row):
        return row["快递"]

    assert added(lines, carrier) == added(parcels, carrier), "packing list and hand-over sheet differ"
    codes = Counter(row["箱码"] for row in parcels)
    assert set(codes.values()) == {1}, "a parcel is handed over twice"
    assert set(codes) == {row["箱码"] for row in lines}, "other parcels are handed over than packed"

    for row in lines:
        assert isinstance(row["保质期至"], datetime.datetime), row["保质期至"]
        assert "*" in row["收件人"] and "*" in row["电话"], "a name or number is not masked"
    for row in parcels:
        assert row["运单号"] is None or isinstance(row["运单号"], str), "a waybill became a number"
    print(f"{len(parcels)} parcels, {len(lines)} lines, {total['箱数']} cases, {total['重量克']} g: all agree")


if __name__ == "__main__":
    main()
