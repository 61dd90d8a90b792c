package main

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// A source is the text of a file, and what is put into it.
type source struct {
	file    *token.File
	content []byte
	opens   map[int][]string // before what is at an offset, outermost first
	closes  map[int][]string // after what ends at an offset, innermost first
	cuts    map[int]int      // from an offset to another one, replaced by
	instead map[int]string
}

func newSource(file *token.File, content []byte) *source {
	return &source{
		file: file, content: content,
		opens: map[int][]string{}, closes: map[int][]string{}, cuts: map[int]int{}, instead: map[int]string{},
	}
}

func (s *source) text(node ast.Node) string {
	return string(s.content[s.file.Offset(node.Pos()):s.file.Offset(node.End())])
}

func (s *source) open(at token.Pos, text string) {
	offset := s.file.Offset(at)
	s.opens[offset] = append(s.opens[offset], text)
}

func (s *source) close(at token.Pos, text string) {
	offset := s.file.Offset(at)
	s.closes[offset] = append(s.closes[offset], text)
}

// replace puts text in the place of what is between two nodes.
func (s *source) replace(from, to token.Pos, text string) {
	offset := s.file.Offset(from)
	s.cuts[offset], s.instead[offset] = s.file.Offset(to), text
}

// changed returns the text with everything that was put into it. Line breaks stay, so
// that a failing test names the right line.
func (s *source) changed() string {
	var text strings.Builder
	for offset := 0; offset <= len(s.content); {
		text.WriteString(strings.Join(s.closes[offset], ""))
		if to, ok := s.cuts[offset]; ok {
			// A break is harmless behind a comma, and not behind a return.
			breaks := strings.Repeat("\n", strings.Count(string(s.content[offset:to]), "\n"))
			text.WriteString(strings.Replace(s.instead[offset], ",", ","+breaks, 1))
			offset = to
		}
		text.WriteString(strings.Join(s.opens[offset], ""))
		if offset < len(s.content) {
			text.WriteByte(s.content[offset])
		}
		offset++
	}
	return text.String()
}

// children returns the nodes directly below a node, in the order of the text.
func children(node ast.Node) []ast.Node {
	var below []ast.Node
	self := true
	ast.Inspect(node, func(child ast.Node) bool {
		if self {
			self = false
			return true
		}
		if _, comment := child.(*ast.CommentGroup); child != nil && !comment {
			below = append(below, child)
		}
		return false
	})
	slices.SortStableFunc(below, func(a, b ast.Node) int { return int(a.Pos() - b.Pos()) })
	return below
}
