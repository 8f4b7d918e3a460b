//! For plugins of Casebook in Zig. The interface is described in docs/plugins.md.
//!
//!     const casebook = @import("casebook.zig");
//!     comptime { casebook.plugin(@embedFile("description.json"), .{ .tool = answer }); }
//!
//!     fn answer(call: casebook.Json, out: *casebook.Out) void {
//!         const number = casebook.text(call, &.{ "arguments", "number" }) orelse return out.refuse("there is no number");
//!         out.write("{\"value\":");
//!         out.write(if (number.len > 3) "true}" else "false}");
//!     }
//!
//! Memory is never given back: every call has an instance of its own. It reads JSON by itself, for the standard library's
//! reader would make every module 20 KB larger; what comes from the host is well formed.

const std = @import("std");

/// JSON as it was written.
pub const Json = []const u8;

extern var __heap_base: u8;
var top: usize = 0;

/// Some memory.
pub fn room(length: usize) []u8 {
    if (top == 0) top = @intFromPtr(&__heap_base);
    const at = std.mem.alignForward(usize, top, 8);
    top = at + length;
    const have = @wasmMemorySize(0) << 16;
    if (top > have and @wasmMemoryGrow(0, (top - have + 65535) >> 16) == -1) @trap();
    return @as([*]u8, @ptrFromInt(at))[0..length];
}

/// What a call answers: JSON, piece by piece.
pub const Out = struct {
    bytes: []u8 = &.{},
    length: usize = 0,

    /// Adds a piece of JSON.
    pub fn write(self: *Out, piece: []const u8) void {
        if (self.length + piece.len > self.bytes.len) {
            const more = room((self.length + piece.len) * 2 + 64);
            @memcpy(more[0..self.length], self.bytes[0..self.length]);
            self.bytes = more;
        }
        @memcpy(self.bytes[self.length..][0..piece.len], piece);
        self.length += piece.len;
    }

    /// Adds a text, in quotes.
    pub fn string(self: *Out, value: []const u8) void {
        const hex = "0123456789abcdef";
        self.write("\"");
        for (value) |byte| switch (byte) {
            '"', '\\' => self.write(&.{ '\\', byte }),
            0...31 => self.write(&.{ '\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15] }),
            else => self.write(&.{byte}),
        };
        self.write("\"");
    }

    /// Says why there is no answer; nothing else may be said then.
    pub fn refuse(self: *Out, why: []const u8) void {
        self.length = 0;
        self.write("{\"error\":");
        self.string(why);
        self.write("}");
    }
};

/// Exports a plugin: its description, and a function for each operation that it offers (`grade`, `fill`, `tool`, `import`).
pub fn plugin(comptime description: []const u8, comptime operations: anytype) void {
    const exports = struct {
        fn alloc(length: u32) callconv(.C) [*]u8 {
            return room(length).ptr;
        }
        fn describe() callconv(.C) u64 {
            return place(description);
        }
    };
    @export(exports.alloc, .{ .name = "casebook_alloc" });
    @export(exports.describe, .{ .name = "casebook_describe" });
    inline for (std.meta.fields(@TypeOf(operations))) |field| {
        const call = struct {
            fn run(at: [*]const u8, length: u32) callconv(.C) u64 {
                var out = Out{};
                @field(operations, field.name)(at[0..length], &out);
                return place(out.bytes[0..out.length]);
            }
        };
        @export(call.run, .{ .name = "casebook_" ++ field.name });
    }
}

/// The value at the end of some keys, as it was written.
pub fn get(json: Json, keys: []const []const u8) ?Json {
    var found = std.mem.trim(u8, json, " \n\t\r");
    for (keys) |key| found = member(found, key) orelse return null;
    return found;
}

/// The text at the end of some keys.
pub fn text(json: Json, keys: []const []const u8) ?[]const u8 {
    const found = get(json, keys) orelse return null;
    return if (found.len >= 2 and found[0] == '"') decode(found[1 .. found.len - 1]) else null;
}

/// The whole number at the end of some keys.
pub fn integer(json: Json, keys: []const []const u8) ?i64 {
    const found = get(json, keys) orelse return null;
    return std.fmt.parseInt(i64, found, 10) catch null;
}

fn member(map: Json, key: []const u8) ?Json {
    if (map.len == 0 or map[0] != '{') return null;
    var at = blank(map, 1);
    while (at < map.len and map[at] == '"') {
        const end = skip(map, at);
        const name = map[at + 1 .. end - 1];
        const begin = blank(map, blank(map, end) + 1);
        at = skip(map, begin);
        if (std.mem.eql(u8, name, key)) return std.mem.trimRight(u8, map[begin..at], " \n\t\r");
        at = blank(map, blank(map, at) + 1);
    }
    return null;
}

fn blank(json: Json, from: usize) usize {
    var at = from;
    while (at < json.len and (json[at] == ' ' or json[at] == '\n' or json[at] == '\t' or json[at] == '\r')) at += 1;
    return at;
}

/// The end of the value that begins here.
fn skip(json: Json, from: usize) usize {
    var at = from;
    var depth: usize = 0;
    while (at < json.len) : (at += 1) {
        switch (json[at]) {
            '"' => {
                at += 1;
                while (at < json.len and json[at] != '"') at += if (json[at] == '\\') 2 else 1;
                if (depth == 0) return at + 1;
            },
            '{', '[' => depth += 1,
            '}', ']' => {
                if (depth == 0) return at;
                depth -= 1;
                if (depth == 0) return at + 1;
            },
            ',' => if (depth == 0) return at,
            else => {},
        }
    }
    return json.len;
}

fn decode(written: []const u8) []const u8 {
    const out = room(written.len);
    var length: usize = 0;
    var at: usize = 0;
    while (at < written.len) {
        if (written[at] != '\\') {
            out[length] = written[at];
            length += 1;
            at += 1;
            continue;
        }
        const escape = written[at + 1];
        at += 2;
        if (escape == 'u') {
            var code: u21 = hex4(written[at..]);
            at += 4;
            if (code >= 0xd800 and code < 0xdc00 and at + 6 <= written.len and written[at] == '\\') {
                code = 0x10000 + ((code - 0xd800) << 10) + (hex4(written[at + 2 ..]) - 0xdc00);
                at += 6;
            }
            length += std.unicode.utf8Encode(code, out[length..]) catch 0;
        } else {
            out[length] = switch (escape) {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => 8,
                'f' => 12,
                else => escape,
            };
            length += 1;
        }
    }
    return out[0..length];
}

fn hex4(digits: []const u8) u21 {
    return std.fmt.parseInt(u16, digits[0..4], 16) catch 0;
}

fn place(bytes: []const u8) u64 {
    return @as(u64, @intFromPtr(bytes.ptr)) << 32 | bytes.len;
}
