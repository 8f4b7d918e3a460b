//! Answers how many bytes a text has.

const std = @import("std");
const casebook = @import("casebook.zig");

comptime {
    casebook.plugin(@embedFile("description.json"), .{ .tool = measure });
}

fn measure(call: casebook.Json, out: *casebook.Out) void {
    const text = casebook.text(call, &.{ "arguments", "text" }) orelse return out.refuse("`text` is needed");
    var digits: [20]u8 = undefined;
    out.write("{\"value\":");
    out.write(std.fmt.bufPrint(&digits, "{d}", .{text.len}) catch unreachable);
    out.write("}");
}
