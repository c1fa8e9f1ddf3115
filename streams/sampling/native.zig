//! The sample stage's work on bytes, many records a call: checking a transaction's JSON, its digests, pseudonym and draw
//! number, and writing lines. Called by native.py; what is decided, and by which rule, stands in Python.
//!
//! `tafol_scan` takes what is plainly valid: known fields once each, texts without escapes, times and numbers as people
//! and machines usually write them. Whatever else comes is "odd", which says nothing about its validity: the model
//! judges it. So a doubt costs time, never a verdict. tests/unit/sampling/test_columns.py holds the two together.
//!
//! Built with bounds and overflows checked (ReleaseSafe). Nothing here allocates, and nothing is kept between calls.

const std = @import("std");

const Blake2b64 = std.crypto.hash.blake2.Blake2b(64);
const Sha256 = std.crypto.hash.sha2.Sha256;
const SipHash = std.crypto.auth.siphash.SipHash64(1, 3);

/// Raised with every change of what the functions below take or give; native.py asks for it.
const interface_version: u32 = 2;

export fn tafol_interface_version() callconv(.c) u32 {
    return interface_version;
}

/// Texts of a record, by where they stand in the bytes. `flags` and `attributes` with their brackets; a length of zero
/// stands for an absent one.
const Field = enum(u8) { id, colleague_id, team_id, site, topic, language, customer_ref, outcome, notice_id, how, policy, place, flags, csat, auto_score, attributes };
const field_count = @typeInfo(Field).@"enum".fields.len;
const Span = extern struct { start: u32, len: u32 };

/// Times of a record, in microseconds since 1970.
const Time = enum(u8) { started, ended, told };
const time_count = @typeInfo(Time).@"enum".fields.len;

const bit_told: i64 = 1;
const bit_recording: i64 = 2;
const bit_transcript: i64 = 4;

const Odd = error{Odd};

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

const Row = struct { spans: *[field_count]Span, times: *[time_count]i64, chat_lines: *i64, bits: *i64 };

/// What stands in each place of the records: sources write their fields in the same order again and again.
const Habit = struct { order: [top_count]Top = undefined, known: usize = 0 };

/// Reads one JSON text from the left.
const Reader = struct {
    text: []const u8,
    at: usize = 0,

    fn peek(self: *Reader) Odd!u8 {
        while (self.at < self.text.len) {
            const byte = self.text[self.at];
            if (byte > ' ') return byte; // nearly always at once
            if (byte != ' ' and byte != '\n' and byte != '\r' and byte != '\t') return error.Odd;
            self.at += 1;
        }
        return error.Odd;
    }

    fn expect(self: *Reader, wanted: u8) Odd!void {
        if (try self.peek() != wanted) return error.Odd;
        self.at += 1;
    }

    fn found(self: *Reader, wanted: u8) Odd!bool {
        if (try self.peek() != wanted) return false;
        self.at += 1;
        return true;
    }

    fn ended(self: *Reader) bool {
        while (self.at < self.text.len) : (self.at += 1) {
            const byte = self.text[self.at];
            if (byte != ' ' and byte != '\n' and byte != '\r' and byte != '\t') return false;
        }
        return true;
    }

    /// A text without escapes: what stands between its quotes.
    fn plainText(self: *Reader) Odd![]const u8 {
        try self.expect('"');
        const rest = self.text[self.at..];
        const len = plainBytes(rest);
        if (len == rest.len or rest[len] != '"') return error.Odd;
        self.at += len + 1;
        return rest[0..len];
    }

    /// A text of any kind is passed over; its length is bounded in bytes, which are never fewer than characters.
    fn passText(self: *Reader, most: usize) Odd!void {
        try self.expect('"');
        const start = self.at;
        while (true) {
            self.at += plainBytes(self.text[self.at..]);
            if (self.text.len - self.at < 2) return error.Odd;
            switch (self.text[self.at]) {
                '"' => break,
                '\\' => switch (self.text[self.at + 1]) {
                    '"', '\\', '/', 'b', 'f', 'n', 'r', 't' => self.at += 2,
                    else => return error.Odd,
                },
                else => return error.Odd,
            }
        }
        if (self.at - start > most) return error.Odd;
        self.at += 1;
    }

    fn nothing(self: *Reader) Odd!bool {
        if (try self.peek() != 'n') return false;
        const rest = self.text[self.at..];
        if (!std.mem.startsWith(u8, rest, "null")) return error.Odd;
        self.at += 4;
        return true;
    }

    /// An int or a decimal that stands as it would be written back: no exponent, no superfluous digit, at most nine
    /// digits before the point and six behind it.
    fn number(self: *Reader) Odd![]const u8 {
        _ = try self.peek();
        const start = self.at;
        if (self.text[self.at] == '-') self.at += 1;
        const whole = self.digits();
        if (whole.len == 0 or whole.len > 9 or (whole[0] == '0' and whole.len > 1)) return error.Odd;
        if (self.at < self.text.len and self.text[self.at] == '.') {
            self.at += 1;
            const part = self.digits();
            if (part.len == 0 or part.len > 6) return error.Odd;
            if (part[part.len - 1] == '0' and part.len > 1) return error.Odd;
            if (whole[0] == '0' and part[0] == '0') return error.Odd;
        } else if (whole[0] == '0' and self.text[start] == '-') return error.Odd;
        if (self.at < self.text.len and (self.text[self.at] == 'e' or self.text[self.at] == 'E')) return error.Odd;
        return self.text[start..self.at];
    }

    fn digits(self: *Reader) []const u8 {
        const start = self.at;
        while (self.at < self.text.len and std.ascii.isDigit(self.text[self.at])) self.at += 1;
        return self.text[start..self.at];
    }
};

/// How many bytes come before the first that a plain text cannot have: a quote, a backslash or a control character.
fn plainBytes(text: []const u8) usize {
    const Block = @Vector(16, u8);
    var at: usize = 0;
    while (text.len - at >= 16) : (at += 16) {
        const block: Block = text[at..][0..16].*;
        const quotes: u16 = @bitCast(block == @as(Block, @splat('"')));
        const backslashes: u16 = @bitCast(block == @as(Block, @splat('\\')));
        const controls: u16 = @bitCast(block < @as(Block, @splat(' ')));
        const found = quotes | backslashes | controls;
        if (found != 0) return at + @ctz(found);
    }
    while (at < text.len and text[at] != '"' and text[at] != '\\' and text[at] >= ' ') at += 1;
    return at;
}

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

fn twoDigits(text: []const u8, most: i64) Odd!i64 {
    if (!std.ascii.isDigit(text[0]) or !std.ascii.isDigit(text[1])) return error.Odd;
    const value = @as(i64, text[0] - '0') * 10 + (text[1] - '0');
    return if (value > most) error.Odd else value;
}

/// 2026-11-22T10:00:00[.123456](Z|+01:00) of the years 2000 to 2099, in microseconds since 1970.
fn instant(text: []const u8) Odd!i64 {
    if (text.len < 20 or text[4] != '-' or text[7] != '-' or text[10] != 'T' or text[13] != ':' or text[16] != ':') return error.Odd;
    if (text[0] != '2' or text[1] != '0') return error.Odd;
    const year = 2000 + try twoDigits(text[2..4], 99);
    const month = try twoDigits(text[5..7], 12);
    const day = try twoDigits(text[8..10], 31);
    if (month == 0 or day == 0 or day > daysOfMonth(year, month)) return error.Odd;
    const hour = try twoDigits(text[11..13], 23);
    const minute = try twoDigits(text[14..16], 59);
    const second = try twoDigits(text[17..19], 59);
    var at: usize = 19;
    var fraction_us: i64 = 0;
    if (text[at] == '.') {
        at += 1;
        var unit: i64 = 100_000;
        while (at < text.len and std.ascii.isDigit(text[at])) : (at += 1) {
            if (unit == 0) return error.Odd;
            fraction_us += unit * (text[at] - '0');
            unit = @divTrunc(unit, 10);
        }
        if (unit == 100_000) return error.Odd;
    }
    const zone = text[at..];
    var offset_s: i64 = 0;
    if (zone.len == 6 and (zone[0] == '+' or zone[0] == '-') and zone[3] == ':') {
        offset_s = try twoDigits(zone[1..3], 23) * 3600 + try twoDigits(zone[4..6], 59) * 60;
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

fn topOf(name: []const u8, place: usize, habit: *Habit) Odd!Top {
    if (place < habit.known and std.mem.eql(u8, name, @tagName(habit.order[place]))) return habit.order[place];
    const top = std.meta.stringToEnum(Top, name) orelse return error.Odd;
    if (place <= habit.known and place < top_count) {
        habit.order[place] = top;
        habit.known = place + 1;
    }
    return top;
}

/// One value of a source topic. `data` holds it, for the spans.
fn scanRecord(data: []const u8, value: []const u8, channel: []const u8, row: Row, habit: *Habit) Odd!void {
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
        const top = try topOf(try reader.plainText(), place, habit);
        const bit = @as(u32, 1) << @intFromEnum(top);
        if (seen & bit != 0) return error.Odd;
        seen |= bit;
        try reader.expect(':');
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
            't', 'f' => _ = try truth(reader),
            else => _ = try reader.number(),
        }
        if (!try reader.found(',')) break;
    }
    try reader.expect('}');
    put(data, row, .attributes, reader.text[start..reader.at]);
}

fn truth(reader: *Reader) Odd![]const u8 {
    for ([_][]const u8{ "true", "false" }) |word| {
        if (std.mem.startsWith(u8, reader.text[reader.at..], word)) {
            reader.at += word.len;
            return word;
        }
    }
    return error.Odd;
}

/// Looks at `count` values that lie one after the other in `data`, the n-th from value_starts[n] to value_starts[n + 1],
/// and at their keys, laid out alike (a record without a key: has_key[n] = 0). For each: plain[n] = 1 when it is plainly
/// valid and of `channel` and its key is its id; only then do its spans, times, lines, bits and digests (SHA-256: of the
/// id two words, of the value one, little-endian) say anything. Of `times` each kind of time has `count` in a row.
export fn tafol_scan(
    data: [*]const u8,
    value_starts: [*]const u64,
    keys: [*]const u8,
    key_starts: [*]const u64,
    has_key: [*]const u8,
    count: usize,
    channel: [*]const u8,
    channel_len: usize,
    plain: [*]u8,
    spans: [*][field_count]Span,
    times: [*]i64,
    chat_lines: [*]i64,
    bits: [*]i64,
    id_digests: [*][2]u64,
    content_digests: [*]u64,
) callconv(.c) void {
    const whole = data[0..value_starts[count]];
    var habit = Habit{};
    for (0..count) |n| {
        const value = whole[value_starts[n]..value_starts[n + 1]];
        var row_times: [time_count]i64 = undefined;
        const row = Row{ .spans = &spans[n], .times = &row_times, .chat_lines = &chat_lines[n], .bits = &bits[n] };
        plain[n] = 0;
        scanRecord(whole, value, channel[0..channel_len], row, &habit) catch continue;
        for (row_times, 0..) |time_us, which| times[which * count + n] = time_us;
        const id = textOf(whole, spans[n][@intFromEnum(Field.id)]);
        if (has_key[n] != 0 and !std.mem.eql(u8, id, keys[key_starts[n]..key_starts[n + 1]])) continue;
        var digest: [Sha256.digest_length]u8 = undefined;
        Sha256.hash(id, &digest, .{});
        id_digests[n] = .{ std.mem.readInt(u64, digest[0..8], .little), std.mem.readInt(u64, digest[8..16], .little) };
        Sha256.hash(value, &digest, .{});
        content_digests[n] = std.mem.readInt(u64, digest[0..8], .little);
        plain[n] = 1;
    }
}

fn textOf(whole: []const u8, span: Span) []const u8 {
    return whole[span.start..][0..span.len];
}

/// HMAC-SHA256 of each customer reference, its first 16 bytes as hex. `inner` and `outer`: the key's two padded blocks.
export fn tafol_pseudonyms(
    data: [*]const u8,
    data_len: usize,
    spans: [*]const [field_count]Span,
    count: usize,
    inner: *const [64]u8,
    outer: *const [64]u8,
    pseudonyms: [*][32]u8,
) callconv(.c) void {
    const whole = data[0..data_len];
    var keyed_inner = Sha256.init(.{});
    keyed_inner.update(inner);
    var keyed_outer = Sha256.init(.{});
    keyed_outer.update(outer);
    for (0..count) |n| {
        var hash = keyed_inner;
        hash.update(textOf(whole, spans[n][@intFromEnum(Field.customer_ref)]));
        const within = hash.finalResult();
        hash = keyed_outer;
        hash.update(&within);
        const digest = hash.finalResult();
        pseudonyms[n] = std.fmt.bytesToHex(digest[0..16].*, .lower);
    }
}

/// Draw numbers (schemas.draw_number) of the records `rows` under one keyed prefix.
export fn tafol_draw(
    data: [*]const u8,
    data_len: usize,
    spans: [*]const [field_count]Span,
    rows: [*]const i64,
    row_count: usize,
    seed: *const [32]u8,
    person: *const [16]u8,
    prefix: [*]const u8,
    prefix_len: usize,
    numbers: [*]u64,
) callconv(.c) void {
    const whole = data[0..data_len];
    var keyed = Blake2b64.init(.{ .key = seed, .context = person.* });
    keyed.update(prefix[0..prefix_len]);
    for (rows[0..row_count]) |row| {
        const n: usize = @intCast(row);
        const id = textOf(whole, spans[n][@intFromEnum(Field.id)]);
        var length: [4]u8 = undefined;
        std.mem.writeInt(u32, &length, @intCast(id.len), .big);
        var hash = keyed;
        hash.update(&length);
        hash.update(id);
        var digest: [8]u8 = undefined;
        hash.final(&digest);
        numbers[n] = std.mem.readInt(u64, &digest, .big);
    }
}

/// The partition, of `partitions`, that Kafka's default partitioner gives to the key `prefix` with field `field` behind it
/// (nothing when negative), for each of `rows`.
export fn tafol_homes(
    data: [*]const u8,
    data_len: usize,
    spans: [*]const [field_count]Span,
    rows: [*]const i64,
    row_count: usize,
    prefix: [*]const u8,
    prefix_len: usize,
    field: i32,
    partitions: u32,
    homes: [*]i64,
) callconv(.c) void {
    const whole = data[0..data_len];
    var key: [longest_key]u8 = undefined;
    @memcpy(key[0..prefix_len], prefix[0..prefix_len]);
    for (rows[0..row_count]) |row| {
        const n: usize = @intCast(row);
        var key_len = prefix_len;
        if (field >= 0) {
            const text = textOf(whole, spans[n][@intCast(field)]);
            @memcpy(key[key_len..][0..text.len], text);
            key_len += text.len;
        }
        homes[n] = (std.hash.Murmur2_32.hashWithSeed(key[0..key_len], 0x9747b28c) & 0x7fffffff) % partitions;
    }
}

/// Bytes of a unit's key: native.py refuses longer prefixes.
const longest_key = 4096;

/// A keyed hash of the texts `fields` and the numbers of the `column_count` columns of each record, so that records alike
/// in all of them are found alike.
export fn tafol_alike(
    data: [*]const u8,
    data_len: usize,
    spans: [*]const [field_count]Span,
    count: usize,
    fields: [*]const u8,
    fields_len: usize,
    columns: [*]const [*]const i64,
    column_count: usize,
    key: *const [16]u8,
    hashes: [*]u64,
) callconv(.c) void {
    const whole = data[0..data_len];
    for (0..count) |n| {
        var hash = SipHash.init(key);
        for (fields[0..fields_len]) |field| {
            const span = spans[n][field];
            hash.update(std.mem.asBytes(&span.len));
            hash.update(textOf(whole, span));
        }
        for (columns[0..column_count]) |column| hash.update(std.mem.asBytes(&column[n]));
        hashes[n] = hash.finalInt();
    }
}

/// One part of a line. `a`: a constant, a field or a column, as the kind says.
const Part = extern struct {
    kind: i32,
    a: i32,
    b: i32,

    const constant = 0;
    /// Field `a` as a JSON text.
    const text = 1;
    /// Column `a`, microseconds since 1970, as a time in UTC.
    const time = 2;
    const pseudonym = 3;
    /// Column `a`, signed.
    const integer = 4;
    /// Column `a`, unsigned; null where column `b` is zero.
    const unsigned = 5;
    /// The constant whose number stands in column `a`.
    const choice = 6;
    /// Field `a`, a number, as a decimal; null where it is absent.
    const decimal = 7;
    /// Field `a`, a list of texts.
    const list = 8;
    /// Field `a`, an object, its values as texts.
    const texts = 9;
    /// The field whose number stands in column `a`, without quotes; nothing where it is negative.
    const bare = 10;
    /// Field `a` without quotes.
    const bare_field = 11;
};

/// Somewhere to write; a text that would not fit fills it up.
const Writer = struct {
    out: []u8,
    at: usize = 0,
    full: bool = false,

    fn put(self: *Writer, text: []const u8) void {
        if (self.full or text.len > self.out.len - self.at) {
            self.full = true;
            return;
        }
        @memcpy(self.out[self.at..][0..text.len], text);
        self.at += text.len;
    }

    fn quoted(self: *Writer, text: []const u8) void {
        self.put("\"");
        self.put(text);
        self.put("\"");
    }
};

/// Writes one line for each of `rows` as `parts` say, into `out`. Returns the bytes written, or -1 when `out` is
/// too small.
export fn tafol_lines(
    data: [*]const u8,
    data_len: usize,
    spans: [*]const [field_count]Span,
    pseudonyms: [*]const [32]u8,
    rows: [*]const i64,
    row_count: usize,
    parts: [*]const Part,
    part_count: usize,
    constants: [*]const u8,
    constant_starts: [*]const u64,
    columns: [*]const [*]const i64,
    out: [*]u8,
    out_len: usize,
) callconv(.c) i64 {
    const whole = data[0..data_len];
    var writer = Writer{ .out = out[0..out_len] };
    for (rows[0..row_count]) |row| {
        const n: usize = @intCast(row);
        for (parts[0..part_count]) |part| {
            const a: usize = @intCast(part.a);
            switch (part.kind) {
                Part.constant => writer.put(constants[constant_starts[a]..constant_starts[a + 1]]),
                Part.text => writer.quoted(textOf(whole, spans[n][a])),
                Part.time => writeTime(&writer, columns[a][n]),
                Part.pseudonym => writer.quoted(&pseudonyms[n]),
                Part.integer => writeNumber(&writer, columns[a][n]),
                Part.unsigned => {
                    if (columns[@intCast(part.b)][n] == 0) writer.put("null") else writeNumber(&writer, @as(u64, @bitCast(columns[a][n])));
                },
                Part.choice => {
                    const which: usize = @intCast(columns[a][n]);
                    writer.put(constants[constant_starts[which]..constant_starts[which + 1]]);
                },
                Part.decimal => writeDecimal(&writer, textOf(whole, spans[n][a])),
                Part.list => writeList(&writer, textOf(whole, spans[n][a])),
                Part.texts => writeTexts(&writer, textOf(whole, spans[n][a])),
                Part.bare => if (columns[a][n] >= 0) writer.put(textOf(whole, spans[n][@intCast(columns[a][n])])),
                Part.bare_field => writer.put(textOf(whole, spans[n][a])),
                else => return -2,
            }
        }
    }
    return if (writer.full) -1 else @intCast(writer.at);
}

fn writeNumber(writer: *Writer, value: anytype) void {
    var digits: [24]u8 = undefined;
    writer.put(std.fmt.bufPrint(&digits, "{d}", .{value}) catch unreachable);
}

fn writeDecimal(writer: *Writer, number: []const u8) void {
    if (number.len == 0) return writer.put("null");
    writer.put(number);
    if (std.mem.indexOfScalar(u8, number, '.') == null) writer.put(".0");
}

/// As msgspec writes a datetime in UTC: microseconds only where there are some.
fn writeTime(writer: *Writer, time_us: i64) void {
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
fn writeList(writer: *Writer, scanned: []const u8) void {
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
fn writeTexts(writer: *Writer, scanned: []const u8) void {
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
        't', 'f' => try truth(reader),
        else => try reader.number(),
    };
}
