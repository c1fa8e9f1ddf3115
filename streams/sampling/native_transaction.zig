//! One transaction as a source sends it: which are plainly valid (schemas/transaction.py states the rules), and where in
//! their bytes the fields stand.

const std = @import("std");
const json = @import("native_json.zig");

const Odd = json.Odd;
const Reader = json.Reader;

/// Texts of a record, by where they stand in the bytes. `flags` and `attributes` with their brackets; a length of zero
/// stands for an absent one.
pub const Field = enum(u8) { id, colleague_id, team_id, site, topic, language, customer_ref, outcome, notice_id, how, policy, place, flags, csat, auto_score, attributes };
pub const field_count = @typeInfo(Field).@"enum".fields.len;
pub const Span = extern struct { start: u32, len: u32 };

/// Times of a record, in microseconds since 1970.
pub const Time = enum(u8) { started, ended, told };
pub const time_count = @typeInfo(Time).@"enum".fields.len;

const bit_told: i64 = 1;
const bit_recording: i64 = 2;
const bit_transcript: i64 = 4;

const Top = enum { id, channel, colleague_id, team_id, site, topic, started_at, ended_at, language, customer_ref, outcome, monitoring_notice, flags, csat_0_100, auto_score_0_100, recording_ref, transcript_ref, chat, place, attributes };
const top_count = @typeInfo(Top).@"enum".fields.len;
const required_tops: u32 = tops(&.{ .id, .channel, .colleague_id, .team_id, .site, .topic, .started_at, .ended_at, .language, .customer_ref, .outcome, .monitoring_notice });

fn tops(comptime wanted: []const Top) u32 {
    var mask: u32 = 0;
    for (wanted) |one| mask |= @as(u32, 1) << @intFromEnum(one);
    return mask;
}

const max_identifier = 128;
const max_customer_ref = 256;
const max_reference = 512;
const max_place = 200;
const max_flags = 16;
const max_chat_lines = 10_000;
const max_chat_text = 65_536;
const max_attributes = 32;
const max_attribute_name = 64;
const max_attribute_text = 256;
const max_duration_us: i64 = 7 * 24 * 3600 * 1_000_000;

pub const Row = struct { spans: *[field_count]Span, times: *[time_count]i64, chat_lines: *i64, bits: *i64 };

/// What stands in each place of the records: sources write their fields in the same order again and again.
pub const Habit = struct { order: [top_count]Top = undefined, known: usize = 0 };

const identifier_bytes = blk: {
    var table = [_]bool{false} ** 256;
    for ("._:@/#+-") |byte| table[byte] = true;
    for (0..256) |byte| if (std.ascii.isAlphanumeric(byte)) {
        table[byte] = true;
    };
    break :blk table;
};

fn isIdentifier(text: []const u8) bool {
    if (text.len == 0 or text.len > max_identifier or !std.ascii.isAlphanumeric(text[0])) return false;
    for (text) |byte| if (!identifier_bytes[byte]) return false;
    return true;
}

fn isLanguage(text: []const u8) bool {
    var letters: usize = 0;
    while (letters < text.len and std.ascii.isLower(text[letters])) letters += 1;
    if (letters != 2 and letters != 3) return false;
    const region = text[letters..];
    return region.len == 0 or
        (region.len == 3 and region[0] == '-' and std.ascii.isUpper(region[1]) and std.ascii.isUpper(region[2]));
}

fn isAttributeName(text: []const u8) bool {
    if (text.len == 0 or text.len > max_attribute_name) return false;
    if (!std.ascii.isAlphabetic(text[0]) and text[0] != '_') return false;
    for (text) |byte| {
        if (!std.ascii.isAlphanumeric(byte) and byte != '_' and byte != '.' and byte != '-') return false;
    }
    return true;
}

fn isWayOfTelling(text: []const u8) bool {
    for ([_][]const u8{ "recorded_message", "spoken", "written", "sign" }) |known| {
        if (std.mem.eql(u8, text, known)) return true;
    }
    return false;
}

inline fn twoDigits(text: *const [2]u8, most: u8) Odd!u8 {
    const tens, const ones = .{ text[0] -% '0', text[1] -% '0' };
    if (tens > 9 or ones > 9) return error.Odd;
    const value = tens * 10 + ones;
    return if (value > most) error.Odd else value;
}

/// 2026-11-22T10:00:00[.123456](Z|+01:00) of the years 2000 to 2099, in microseconds since 1970.
fn instant(text: []const u8) Odd!i64 {
    if (text.len < 20) return error.Odd;
    const head = text[0..19];
    if (head[4] != '-' or head[7] != '-' or head[10] != 'T' or head[13] != ':' or head[16] != ':') return error.Odd;
    if (head[0] != '2' or head[1] != '0') return error.Odd;
    const year: i64 = 2000 + @as(i64, try twoDigits(head[2..4], 99));
    const month: i64 = try twoDigits(head[5..7], 12);
    const day: i64 = try twoDigits(head[8..10], 31);
    if (month == 0 or day == 0 or day > daysOfMonth(year, month)) return error.Odd;
    const hour: i64 = try twoDigits(head[11..13], 23);
    const minute: i64 = try twoDigits(head[14..16], 59);
    const second: i64 = try twoDigits(head[17..19], 59);
    var zone = text[19..];
    var fraction_us: i64 = 0;
    if (zone[0] == '.') {
        var unit: i64 = 100_000;
        zone = zone[1..];
        while (zone.len > 0 and std.ascii.isDigit(zone[0])) : (zone = zone[1..]) {
            if (unit == 0) return error.Odd;
            fraction_us += unit * (zone[0] - '0');
            unit = @divTrunc(unit, 10);
        }
        if (unit == 100_000) return error.Odd;
    }
    var offset_s: i64 = 0;
    if (zone.len == 6 and (zone[0] == '+' or zone[0] == '-') and zone[3] == ':') {
        offset_s = @as(i64, try twoDigits(zone[1..3], 23)) * 3600 + @as(i64, try twoDigits(zone[4..6], 59)) * 60;
        if (zone[0] == '-') offset_s = -offset_s;
    } else if (zone.len != 1 or zone[0] != 'Z') return error.Odd;
    const seconds = daysSince1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset_s;
    return seconds * 1_000_000 + fraction_us;
}

fn daysOfMonth(year: i64, month: i64) i64 {
    return switch (month) {
        2 => if (@mod(year, 4) == 0) 29 else 28, // 2000 is a leap year, and no other hundred is among the years
        4, 6, 9, 11 => 30,
        else => 31,
    };
}

/// The proleptic Gregorian calendar, counted from 1 March (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn daysSince1970(year: i64, month: i64, day: i64) i64 {
    const shifted = if (month <= 2) year - 1 else year;
    const era = @divFloor(shifted, 400);
    const year_of_era = shifted - era * 400;
    const day_of_year = @divTrunc(153 * @mod(month + 9, 12) + 2, 5) + day - 1;
    const day_of_era = year_of_era * 365 + @divTrunc(year_of_era, 4) - @divTrunc(year_of_era, 100) + day_of_year;
    return era * 146_097 + day_of_era - 719_468;
}

fn spanOf(whole: []const u8, part: []const u8) Span {
    return .{ .start = @intCast(@intFromPtr(part.ptr) - @intFromPtr(whole.ptr)), .len = @intCast(part.len) };
}

pub fn textOf(whole: []const u8, span: Span) []const u8 {
    return whole[span.start..][0..span.len];
}

/// The name of a field and its colon.
fn topOf(reader: *Reader, place: usize, habit: *Habit) Odd!Top {
    if (place < habit.known) {
        const usual = habit.order[place];
        if (reader.passed(spelt[@intFromEnum(usual)])) return usual;
    }
    const top = std.meta.stringToEnum(Top, try reader.plainText()) orelse return error.Odd;
    try reader.expect(':');
    if (place <= habit.known and place < top_count) {
        habit.order[place] = top;
        habit.known = place + 1;
    }
    return top;
}

/// The fields' names as they nearly always stand in a record: quotes, colon, no white space.
const spelt = blk: {
    var all: [top_count][]const u8 = undefined;
    for (&all, std.enums.values(Top)) |*one, top| one.* = "\"" ++ @tagName(top) ++ "\":";
    const made = all;
    break :blk made;
};

/// One value of a source topic. `data` holds it, for the spans.
pub fn scanRecord(data: []const u8, value: []const u8, channel: []const u8, row: Row, habit: *Habit) Odd!void {
    row.spans.* = [_]Span{.{ .start = 0, .len = 0 }} ** field_count;
    row.times.* = [_]i64{0} ** time_count;
    row.chat_lines.* = 0;
    row.bits.* = 0;
    if (!std.unicode.utf8ValidateSlice(value)) return error.Odd;
    var reader = Reader{ .text = value };
    var seen: u32 = 0;
    var place: usize = 0;
    try reader.expect('{');
    while (true) : (place += 1) {
        const top = try topOf(&reader, place, habit);
        const bit = @as(u32, 1) << @intFromEnum(top);
        if (seen & bit != 0) return error.Odd;
        seen |= bit;
        try scanField(data, &reader, top, channel, row);
        if (!try reader.found(',')) break;
    }
    try reader.expect('}');
    if (!reader.ended() or seen & required_tops != required_tops) return error.Odd;
    const started, const ended = .{ row.times[@intFromEnum(Time.started)], row.times[@intFromEnum(Time.ended)] };
    if (ended < started or ended - started > max_duration_us) return error.Odd;
}

fn scanField(data: []const u8, reader: *Reader, top: Top, channel: []const u8, row: Row) Odd!void {
    switch (top) {
        .id => try identifier(data, reader, .id, row),
        .colleague_id => try identifier(data, reader, .colleague_id, row),
        .team_id => try identifier(data, reader, .team_id, row),
        .site => try identifier(data, reader, .site, row),
        .topic => try identifier(data, reader, .topic, row),
        .outcome => try identifier(data, reader, .outcome, row),
        .channel => if (!std.mem.eql(u8, try reader.plainText(), channel)) return error.Odd,
        .started_at => row.times[@intFromEnum(Time.started)] = try instant(try reader.plainText()),
        .ended_at => row.times[@intFromEnum(Time.ended)] = try instant(try reader.plainText()),
        .language => {
            const text = try reader.plainText();
            if (!isLanguage(text)) return error.Odd;
            put(data, row, .language, text);
        },
        .customer_ref => {
            const text = try reader.plainText();
            if (text.len == 0 or text.len > max_customer_ref) return error.Odd;
            put(data, row, .customer_ref, text);
        },
        .monitoring_notice => try scanNotice(data, reader, row),
        .flags => try scanFlags(data, reader, row),
        .csat_0_100 => try score(data, reader, .csat, row),
        .auto_score_0_100 => try score(data, reader, .auto_score, row),
        .recording_ref => if (!try reader.nothing()) {
            try reader.passText(max_reference);
            row.bits.* |= bit_recording;
        },
        .transcript_ref => if (!try reader.nothing()) {
            try reader.passText(max_reference);
            row.bits.* |= bit_transcript;
        },
        .chat => row.chat_lines.* = try scanChat(reader),
        .place => if (!try reader.nothing()) {
            const text = try reader.plainText();
            if (text.len > max_place) return error.Odd;
            put(data, row, .place, text);
        },
        .attributes => try scanAttributes(data, reader, row),
    }
}

fn put(data: []const u8, row: Row, field: Field, text: []const u8) void {
    row.spans[@intFromEnum(field)] = spanOf(data, text);
}

fn identifier(data: []const u8, reader: *Reader, field: Field, row: Row) Odd!void {
    const text = try reader.plainText();
    if (!isIdentifier(text)) return error.Odd;
    put(data, row, field, text);
}

fn score(data: []const u8, reader: *Reader, field: Field, row: Row) Odd!void {
    if (try reader.nothing()) return;
    const text = try reader.number();
    const value = std.fmt.parseFloat(f64, text) catch return error.Odd;
    if (text[0] == '-' or value > 100) return error.Odd;
    put(data, row, field, text);
}

fn scanNotice(data: []const u8, reader: *Reader, row: Row) Odd!void {
    var seen_customer, var seen_colleague = .{ false, false };
    try reader.expect('{');
    if (try reader.found('}')) return;
    while (true) {
        const name = try reader.plainText();
        try reader.expect(':');
        if (std.mem.eql(u8, name, "customer") and !seen_customer) {
            seen_customer = true;
            if (!try reader.nothing()) try scanCustomer(data, reader, row);
        } else if (std.mem.eql(u8, name, "colleague") and !seen_colleague) {
            seen_colleague = true;
            if (!try reader.nothing()) try identifier(data, reader, .policy, row);
        } else return error.Odd;
        if (!try reader.found(',')) break;
    }
    try reader.expect('}');
}

fn scanCustomer(data: []const u8, reader: *Reader, row: Row) Odd!void {
    var seen: u8 = 0;
    try reader.expect('{');
    while (true) {
        const name = try reader.plainText();
        try reader.expect(':');
        if (std.mem.eql(u8, name, "notice_id") and seen & 1 == 0) {
            seen |= 1;
            try identifier(data, reader, .notice_id, row);
        } else if (std.mem.eql(u8, name, "how") and seen & 2 == 0) {
            seen |= 2;
            const text = try reader.plainText();
            if (!isWayOfTelling(text)) return error.Odd;
            put(data, row, .how, text);
        } else if (std.mem.eql(u8, name, "at") and seen & 4 == 0) {
            seen |= 4;
            row.times[@intFromEnum(Time.told)] = try instant(try reader.plainText());
        } else return error.Odd;
        if (!try reader.found(',')) break;
    }
    try reader.expect('}');
    if (seen != 7) return error.Odd;
    row.bits.* |= bit_told;
}

fn scanFlags(data: []const u8, reader: *Reader, row: Row) Odd!void {
    _ = try reader.peek();
    const start = reader.at;
    try reader.expect('[');
    if (try reader.found(']')) return;
    var count: usize = 0;
    while (true) {
        count += 1;
        if (count > max_flags or !isIdentifier(try reader.plainText())) return error.Odd;
        if (!try reader.found(',')) break;
    }
    try reader.expect(']');
    put(data, row, .flags, reader.text[start..reader.at]);
}

fn scanChat(reader: *Reader) Odd!i64 {
    try reader.expect('[');
    if (try reader.found(']')) return 0;
    var count: i64 = 0;
    while (true) {
        count += 1;
        if (count > max_chat_lines) return error.Odd;
        try scanChatLine(reader);
        if (!try reader.found(',')) break;
    }
    try reader.expect(']');
    return count;
}

fn scanChatLine(reader: *Reader) Odd!void {
    var seen: u8 = 0;
    try reader.expect('{');
    while (true) {
        const name = try reader.plainText();
        try reader.expect(':');
        if (std.mem.eql(u8, name, "speaker") and seen & 1 == 0) {
            seen |= 1;
            const text = try reader.plainText();
            if (!std.mem.eql(u8, text, "customer") and !std.mem.eql(u8, text, "colleague") and !std.mem.eql(u8, text, "system")) return error.Odd;
        } else if (std.mem.eql(u8, name, "text") and seen & 2 == 0) {
            seen |= 2;
            try reader.passText(max_chat_text);
        } else if (std.mem.eql(u8, name, "at") and seen & 4 == 0) {
            seen |= 4;
            if (!try reader.nothing()) _ = try instant(try reader.plainText());
        } else return error.Odd;
        if (!try reader.found(',')) break;
    }
    try reader.expect('}');
    if (seen & 3 != 3) return error.Odd;
}

fn scanAttributes(data: []const u8, reader: *Reader, row: Row) Odd!void {
    _ = try reader.peek();
    const start = reader.at;
    try reader.expect('{');
    if (try reader.found('}')) return;
    var names: [max_attributes][]const u8 = undefined;
    var count: usize = 0;
    while (true) {
        const name = try reader.plainText();
        if (count == max_attributes or !isAttributeName(name)) return error.Odd;
        for (names[0..count]) |earlier| if (std.mem.eql(u8, name, earlier)) return error.Odd;
        names[count] = name;
        count += 1;
        try reader.expect(':');
        switch (try reader.peek()) {
            '"' => if ((try reader.plainText()).len > max_attribute_text) return error.Odd,
            't', 'f' => _ = try json.truth(reader),
            else => _ = try reader.number(),
        }
        if (!try reader.found(',')) break;
    }
    try reader.expect('}');
    put(data, row, .attributes, reader.text[start..reader.at]);
}
