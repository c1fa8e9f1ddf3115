//! Reading plain JSON: texts without escapes, numbers and white space as sources usually write them. What is spelt
//! otherwise is odd, and for the model to judge.

const std = @import("std");

pub const Odd = error{Odd};

/// Reads one JSON text from the left.
pub const Reader = struct {
    text: []const u8,
    at: usize = 0,

    pub fn peek(self: *Reader) Odd!u8 {
        while (self.at < self.text.len) {
            const byte = self.text[self.at];
            if (byte > ' ') return byte; // nearly always at once
            if (byte != ' ' and byte != '\n' and byte != '\r' and byte != '\t') return error.Odd;
            self.at += 1;
        }
        return error.Odd;
    }

    pub fn expect(self: *Reader, wanted: u8) Odd!void {
        if (try self.peek() != wanted) return error.Odd;
        self.at += 1;
    }

    pub fn found(self: *Reader, wanted: u8) Odd!bool {
        if (try self.peek() != wanted) return false;
        self.at += 1;
        return true;
    }

    /// Passes over `wanted` if it comes next, byte by byte.
    pub fn passed(self: *Reader, wanted: []const u8) bool {
        if (!std.mem.startsWith(u8, self.text[self.at..], wanted)) return false;
        self.at += wanted.len;
        return true;
    }

    pub fn ended(self: *Reader) bool {
        while (self.at < self.text.len) : (self.at += 1) {
            const byte = self.text[self.at];
            if (byte != ' ' and byte != '\n' and byte != '\r' and byte != '\t') return false;
        }
        return true;
    }

    /// A text without escapes: what stands between its quotes.
    pub fn plainText(self: *Reader) Odd![]const u8 {
        try self.expect('"');
        const rest = self.text[self.at..];
        const len = plainBytes(rest);
        if (len == rest.len or rest[len] != '"') return error.Odd;
        self.at += len + 1;
        return rest[0..len];
    }

    /// A text of any kind is passed over; its length is bounded in bytes, which are never fewer than characters.
    pub fn passText(self: *Reader, most: usize) Odd!void {
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

    pub fn nothing(self: *Reader) Odd!bool {
        if (try self.peek() != 'n') return false;
        const rest = self.text[self.at..];
        if (!std.mem.startsWith(u8, rest, "null")) return error.Odd;
        self.at += 4;
        return true;
    }

    /// An int or a decimal that stands as it would be written back: no exponent, no superfluous digit, at most nine
    /// digits before the point and six behind it.
    pub fn number(self: *Reader) Odd![]const u8 {
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

pub fn truth(reader: *Reader) Odd![]const u8 {
    for ([_][]const u8{ "true", "false" }) |word| {
        if (std.mem.startsWith(u8, reader.text[reader.at..], word)) {
            reader.at += word.len;
            return word;
        }
    }
    return error.Odd;
}
