package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// This file follows a fix as a person at an editor does: it finds the place in the text
// that the refusal names, and writes there what the fix says.

// A part is a named value in the text of an option: `allow: {any_role: "admin"}`.
type part struct {
	name       string
	start, end int // of all of it
	inside     int // where the value begins, after a brace
}

// partsOf returns the parts of a text between two offsets, without those within them.
func partsOf(text string, start, end int) []part {
	var parts []part
	for at := start; at < end; {
		switch {
		case strings.HasPrefix(text[at:], "//"):
			at += strings.IndexByte(text[at:], '\n')
		case isNameByte(text[at]):
			one := part{start: at}
			for isNameByte(text[at]) {
				at++
			}
			one.name = text[one.start:at]
			for strings.IndexByte(" :\n", text[at]) >= 0 {
				at++
			}
			one.inside = at + 1
			one.end = valueEnd(text, at)
			at = one.end
			parts = append(parts, one)
		default:
			at++
		}
	}
	return parts
}

func isNameByte(b byte) bool {
	return b == '_' || unicode.IsLetter(rune(b)) || unicode.IsDigit(rune(b))
}

// valueEnd returns where the value that begins at an offset ends.
func valueEnd(text string, at int) int {
	switch text[at] {
	case '{', '[':
		return closing(text, at)
	case '"':
		return stringEnd(text, at)
	default:
		for strings.IndexByte(" ,;}\n", text[at]) < 0 {
			at++
		}
		return at
	}
}

// closing returns what follows the bracket that closes the one at an offset.
func closing(text string, at int) int {
	depth := 0
	for ; ; at++ {
		switch text[at] {
		case '"':
			at = stringEnd(text, at) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		}
	}
}

func stringEnd(text string, at int) int {
	for at++; text[at] != '"'; at++ {
		if text[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// partAt finds a part by a path such as "authorize.allow[1]" in the option of an RPC.
func partAt(text, rpc, path string) (part, bool) {
	start := strings.Index(text, "rpc "+rpc+"(")
	body := start + strings.IndexAny(text[start:], "{;")
	if text[body] == ';' {
		return part{}, false
	}
	end := closing(text, body)
	option := start + strings.Index(text[start:end], "option (sallyport.v1.action) = {")
	if option < start {
		return part{}, false
	}
	found := part{inside: option + len("option (sallyport.v1.action) = {"), start: option}
	found.end = closing(text, found.inside-1)
	if path == "" {
		found.end++ // the semicolon
		return found, true
	}
	for step := range strings.SplitSeq(path, ".") {
		name, number, _ := strings.Cut(step, "[")
		index, _ := strconv.Atoi(strings.TrimSuffix(number, "]")) // 0 where there is none
		var next *part
		for _, one := range partsOf(text, found.inside, found.end-1) {
			if one.name == name {
				if index == 0 {
					next = &one
					break
				}
				index--
			}
		}
		if next == nil {
			return part{}, false
		}
		found = *next
	}
	return found, true
}

var (
	grantPath  = regexp.MustCompile(`authorize\.allow\[\d+\]`)
	enumFix    = regexp.MustCompile(`(?s)^(?:at (\w+)|(?:in|at the end of) enum ([\w.]+)(?: \([^)]*\))?):\n(.*)$`)
	placeFix   = regexp.MustCompile(`(?s)^in place of (\w+):\n(.*)$`)
	fieldFix   = regexp.MustCompile(`(?s)^at [\w./]+:(\d+):\d+:\namong the options of (\w+): (.*)$`)
	importLine = regexp.MustCompile(`(?m)^import "[^"]+";\n`)
	// packageLine is where the first import goes.
	packageLine = regexp.MustCompile(`(?m)^package [^;]+;\n`)
)

// follow does what a fix says. It reports false for a fix that a program cannot follow,
// since it leaves something to its reader.
func follow(text string, refused refusalLine, fix string) (string, bool) {
	for _, line := range importLine.FindAllString(fix, -1) {
		fix = strings.Replace(fix, line, "", 1)
		at := importLine.FindAllStringIndex(text, -1)
		if len(at) == 0 {
			at = packageLine.FindAllStringIndex(text, 1)
		}
		last := at[len(at)-1][1]
		text = text[:last] + line + text[last:]
	}
	if enum := strings.Index(fix, "\nenum "); enum >= 0 { // a catalogue, or a value for one
		text += fix[enum:] + "\n"
		fix = strings.TrimSuffix(fix[:enum], fix[strings.LastIndexByte(fix[:enum], '\n')+1:enum])
		fix = strings.TrimSuffix(fix, "\n")
	}
	rpc := refused.Subject[strings.LastIndexByte(refused.Subject, '/')+1:]
	if values := enumFix.FindStringSubmatch(fix); values != nil {
		return followAtEnum(text, values[1], values[2], values[3])
	}
	if values := placeFix.FindStringSubmatch(fix); values != nil {
		row := regexp.MustCompile(`\b` + values[1] + ` = \d+[^;]*;`)
		return row.ReplaceAllLiteralString(text, values[2]), row.MatchString(text)
	}
	if values := fieldFix.FindStringSubmatch(fix); values != nil {
		return followAtField(text, values[1], values[2], values[3])
	}
	removed, removes := strings.CutPrefix(fix, "remove ")
	name, _, ok := strings.Cut(removed, ":")
	if name == "limit" {
		return followAtLimits(text, rpc, fix), true
	}
	path := map[string]string{"authenticate": "authenticate", "authorize": "authorize", "stream": "stream", "allow": grantPath.FindString(refused.Problem)}[name]
	switch {
	case strings.HasPrefix(fix, "option (sallyport.v1.action)"):
		if old, found := partAt(text, rpc, ""); found {
			return text[:old.start] + fix + text[old.end:], true
		}
		start := strings.Index(text, "rpc "+rpc+"(")
		end := start + strings.IndexByte(text[start:], ';')
		return text[:end] + " {\n" + fix + "\n}" + text[end+1:], true
	case !ok || path == "":
		return text, false
	}
	old, found := partAt(text, rpc, path)
	switch {
	case found && removes:
		return text[:old.start] + text[old.end:], true
	case found:
		return text[:old.start] + fix + text[old.end:], true
	case removes:
		return text, false
	}
	option, found := partAt(text, rpc, "")
	return text[:option.inside] + "\n" + fix + text[option.inside:], found
}

// followAtLimits writes limits in place of those of an RPC.
func followAtLimits(text, rpc, fix string) string {
	for {
		old, found := partAt(text, rpc, "limit[1]")
		if !found {
			break
		}
		text = text[:old.start] + text[old.end:]
	}
	old, _ := partAt(text, rpc, "limit")
	return text[:old.start] + fix + text[old.end:]
}

// followAtEnum writes options at a value of an enum, in place of those it has, or a line
// into an enum.
func followAtEnum(text, value, enum, line string) (string, bool) {
	if enum != "" {
		name := enum[strings.LastIndexByte(enum, '.')+1:]
		start := strings.Index(text, "enum "+name+" {")
		if start < 0 {
			return text, false
		}
		at := start + len("enum "+name+" {")
		if !strings.HasPrefix(line, "option ") {
			at = closing(text, at-1) - 1
		}
		first, _, _ := strings.Cut(line, "\nor ")
		return text[:at] + "\n" + first + "\n" + text[at:], true
	}
	row := regexp.MustCompile(fmt.Sprintf(`(?s)\b%s = (\d+)[^;]*;`, value))
	if !row.MatchString(text) {
		return text, false
	}
	return row.ReplaceAllString(text, value+" = ${1} ["+strings.ReplaceAll(line, "$", "$$")+"];"), true
}

// followAtField adds an option to a field that stands at a line.
func followAtField(text, line, field, option string) (string, bool) {
	lines := strings.Split(text, "\n")
	number, _ := strconv.Atoi(line)
	before, after, found := strings.Cut(lines[number-1], "[")
	if !found || !strings.Contains(before, " "+field+" = ") {
		return text, false
	}
	lines[number-1] = before + "[" + option + ", " + after
	return strings.Join(lines, "\n"), true
}
