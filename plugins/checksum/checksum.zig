//! Whether numbers of cards, accounts and books can be some, by their check digits.

const std = @import("std");
const casebook = @import("casebook.zig");

comptime {
    casebook.plugin(@embedFile("description.json"), .{ .tool = verify });
}

const Verdict = enum {
    right,
    wrong,
    letters,
    length,

    fn reason(self: Verdict) []const u8 {
        return switch (self) {
            .right => "The check digit is right.",
            .wrong => "The check digit is wrong.",
            .letters => "There are characters that do not belong.",
            .length => "The length is wrong.",
        };
    }

    fn of(right: bool) Verdict {
        return if (right) .right else .wrong;
    }
};

fn verify(call: casebook.Json, out: *casebook.Out) void {
    const kind = casebook.text(call, &.{ "parameters", "kind" }) orelse return out.refuse("`kind` is needed");
    const written = casebook.text(call, &.{ "arguments", "number" }) orelse return out.refuse("`number` is needed");
    var room: [100]u8 = undefined;
    const number = compact(written, &room) orelse return out.refuse("`number` has more than 100 characters");
    const verdict = if (std.mem.eql(u8, kind, "card")) card(number) else if (std.mem.eql(u8, kind, "iban")) iban(number) else isbn(number);
    out.write("{\"value\":{\"valid\":");
    out.write(if (verdict == .right) "true" else "false");
    out.write(",\"reason\":");
    out.string(verdict.reason());
    out.write("}}");
}

/// The number without spaces and hyphens, in capitals.
fn compact(written: []const u8, room: []u8) ?[]const u8 {
    var length: usize = 0;
    for (written) |character| {
        if (character == ' ' or character == '-') continue;
        if (length == room.len) return null;
        room[length] = std.ascii.toUpper(character);
        length += 1;
    }
    return room[0..length];
}

fn digits(number: []const u8) bool {
    for (number) |character| if (!std.ascii.isDigit(character)) return false;
    return true;
}

/// Luhn's formula.
fn card(number: []const u8) Verdict {
    if (!digits(number)) return .letters;
    if (number.len < 13 or number.len > 19) return .length;
    var sum: u32 = 0;
    for (number, 0..) |character, at| {
        const digit: u32 = character - '0';
        const doubled = if ((number.len - at) % 2 == 0) digit * 2 else digit;
        sum += if (doubled > 9) doubled - 9 else doubled;
    }
    return Verdict.of(sum % 10 == 0);
}

/// ISO 7064, MOD 97-10, over the number with its first four characters behind the rest.
fn iban(number: []const u8) Verdict {
    if (number.len < 15 or number.len > 34) return .length;
    if (!std.ascii.isUpper(number[0]) or !std.ascii.isUpper(number[1]) or !digits(number[2..4])) return .letters;
    var rest: u32 = 0;
    for (0..number.len) |at| {
        const character = number[(at + 4) % number.len];
        if (std.ascii.isDigit(character)) {
            rest = (rest * 10 + character - '0') % 97;
        } else if (std.ascii.isUpper(character)) {
            rest = (rest * 100 + character - 'A' + 10) % 97;
        } else return .letters;
    }
    return Verdict.of(rest == 1);
}

fn isbn(number: []const u8) Verdict {
    if (number.len == 13) {
        if (!digits(number)) return .letters;
        var sum: u32 = 0;
        for (number, 0..) |character, at| sum += (character - '0') * @as(u32, if (at % 2 == 0) 1 else 3);
        const book = std.mem.startsWith(u8, number, "978") or std.mem.startsWith(u8, number, "979");
        return Verdict.of(book and sum % 10 == 0);
    }
    if (number.len != 10) return .length;
    if (!digits(number[0..9]) or !(std.ascii.isDigit(number[9]) or number[9] == 'X')) return .letters;
    var sum: u32 = 0;
    for (number, 0..) |character, at| {
        const digit: u32 = if (character == 'X') 10 else character - '0';
        sum += digit * @as(u32, @intCast(10 - at));
    }
    return Verdict.of(sum % 11 == 0);
}
