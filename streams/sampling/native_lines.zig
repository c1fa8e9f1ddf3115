//! Writing lines of JSON by a list of parts: constants, fields as they stand in a record's bytes, times and numbers.

const std = @import("std");
const json = @import("native_json.zig");
const transaction = @import("native_transaction.zig");

const Odd = json.Odd;
const Reader = json.Reader;
const Span = transaction.Span;
const field_count = transaction.field_count;
const textOf = transaction.textOf;

/// One part of a line. `a`: a constant, a field or a column, as the kind says.
pub const Part = extern struct {
    kind: i32,
    a: i32,
    b: i32,

    pub const constant = 0;
    /// Field `a` as a JSON text.
    pub const text = 1;
    /// Column `a`, microseconds since 1970, as a time in UTC.
    pub const time = 2;
    pub const pseudonym = 3;
    /// Column `a`, signed.
    pub const integer = 4;
    /// Column `a`, unsigned; null where column `b` is zero.
    pub const unsigned = 5;
    /// The constant whose number stands in column `a`.
    pub const choice = 6;
    /// Field `a`, a number, as a decimal; null where it is absent.
    pub const decimal = 7;
    /// Field `a`, a list of texts.
    pub const list = 8;
    /// Field `a`, an object, its values as texts.
    pub const texts = 9;
    /// The field whose number stands in column `a`, without quotes; nothing where it is negative.
    pub const bare = 10;
    /// Field `a` without quotes.
    pub const bare_field = 11;
};

/// Somewhere to write; a text that would not fit fills it up.
pub const Writer = struct {
    out: []u8,
    at: usize = 0,
    full: bool = false,

    pub fn put(self: *Writer, text: []const u8) void {
        if (self.full or text.len > self.out.len - self.at) {
            self.full = true;
            return;
        }
        @memcpy(self.out[self.at..][0..text.len], text);
        self.at += text.len;
    }

    pub fn quoted(self: *Writer, text: []const u8) void {
        self.put("\"");
        self.put(text);
        self.put("\"");
    }
};

pub fn writeNumber(writer: *Writer, value: anytype) void {
    var digits: [24]u8 = undefined;
    writer.put(std.fmt.bufPrint(&digits, "{d}", .{value}) catch unreachable);
}

pub fn writeDecimal(writer: *Writer, number: []const u8) void {
    if (number.len == 0) return writer.put("null");
    writer.put(number);
    if (std.mem.indexOfScalar(u8, number, '.') == null) writer.put(".0");
}

/// As msgspec writes a datetime in UTC: microseconds only where there are some.
pub fn writeTime(writer: *Writer, time_us: i64) void {
    const micros: u32 = @intCast(@mod(time_us, 1_000_000));
    const seconds = @divFloor(time_us, 1_000_000);
    const second_of_day: u32 = @intCast(@mod(seconds, 86_400));
    const days = @divFloor(seconds, 86_400) + 719_468;
    const era = @divFloor(days, 146_097);
    const day_of_era = days - era * 146_097;
    const year_of_era = @divTrunc(day_of_era - @divTrunc(day_of_era, 1460) + @divTrunc(day_of_era, 36_524) - @divTrunc(day_of_era, 146_096), 365);
    const day_of_year = day_of_era - (365 * year_of_era + @divTrunc(year_of_era, 4) - @divTrunc(year_of_era, 100));
    const shifted = @divTrunc(5 * day_of_year + 2, 153);
    const day: u32 = @intCast(day_of_year - @divTrunc(153 * shifted + 2, 5) + 1);
    const month: u32 = @intCast(if (shifted < 10) shifted + 3 else shifted - 9);
    const year: u32 = @intCast(year_of_era + era * 400 + @as(i64, if (month <= 2) 1 else 0));
    var text = "\"0000-00-00T00:00:00.000000Z\"".*;
    digitsInto(text[1..5], year);
    digitsInto(text[6..8], month);
    digitsInto(text[9..11], day);
    digitsInto(text[12..14], second_of_day / 3600);
    digitsInto(text[15..17], second_of_day / 60 % 60);
    digitsInto(text[18..20], second_of_day % 60);
    if (micros == 0) {
        text[20] = 'Z';
        text[21] = '"';
        return writer.put(text[0..22]);
    }
    digitsInto(text[21..27], micros);
    writer.put(&text);
}

fn digitsInto(place: []u8, value: u32) void {
    var rest = value;
    var at = place.len;
    while (at > 0) {
        at -= 1;
        place[at] = @intCast('0' + rest % 10);
        rest /= 10;
    }
}

/// A list that was scanned, without white space.
pub fn writeList(writer: *Writer, scanned: []const u8) void {
    writer.put("[");
    var reader = Reader{ .text = scanned, .at = 1 };
    var first = true;
    while (reader.plainText()) |text| {
        if (!first) writer.put(",");
        first = false;
        writer.quoted(text);
        _ = reader.found(',') catch break;
    } else |_| {}
    writer.put("]");
}

/// An object that was scanned, without white space, its numbers and truth values as texts.
pub fn writeTexts(writer: *Writer, scanned: []const u8) void {
    writer.put("{");
    var reader = Reader{ .text = scanned, .at = 1 };
    var first = true;
    while (reader.plainText()) |name| {
        if (!first) writer.put(",");
        first = false;
        writer.quoted(name);
        writer.put(":");
        reader.expect(':') catch break;
        const value = textValue(&reader) catch break;
        writer.quoted(value);
        _ = reader.found(',') catch break;
    } else |_| {}
    writer.put("}");
}

fn textValue(reader: *Reader) Odd![]const u8 {
    return switch (try reader.peek()) {
        '"' => try reader.plainText(),
        't', 'f' => try json.truth(reader),
        else => try reader.number(),
    };
}
