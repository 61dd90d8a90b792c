package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/packages"
)

// A mutant is one small change.
type mutant struct {
	ID   int    `json:"id"`
	File string `json:"file"` // from the root of the repository
	Line int    `json:"line"`
	From int    `json:"-"` // the lines of its function
	To   int    `json:"-"`
	Func string `json:"func"`
	Kind string `json:"kind"`
	Text string `json:"text"` // the code that is changed, on one line

	digest string // of its file
	nth    int    // among those of the package with the same key, from 0 on
}

// key is what equivalent.txt names a mutant by: lines move, texts stay.
func (m mutant) key() string { return strings.Join([]string{m.File, m.Func, m.Kind, m.Text}, "\t") }

// numbered is a key of this one alone among those with the same: its kind is followed by its
// place, such as "return nil #2".
func (m mutant) numbered() string {
	m.Kind = fmt.Sprintf("%s #%d", m.Kind, m.nth+1)
	return m.key()
}

// A mutator collects the mutants of one file.
type mutator struct {
	pkg      *packages.Package
	name     string // from the root of the repository
	digest   string // of the file
	source   *source
	function string
	from, to int                // its lines
	results  []*types.Signature // of the functions around the current node
	inBlock  map[ast.Stmt]bool  // statements that others may stand beside
	guards   map[ast.Expr]bool  // case expressions of switches without a tag; whether the case ends its block
	next     *int
	found    []mutant
}

// add notes a mutant and returns its id.
func (m *mutator) add(node ast.Node, kind string) int {
	const longest = 120
	*m.next++
	text := strings.Join(strings.Fields(m.source.text(node)), " ")
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	m.found = append(m.found, mutant{
		ID: *m.next, File: m.name, Line: m.line(node.Pos()), From: m.from, To: m.to, Func: m.function, Kind: kind, Text: text, digest: m.digest,
	})
	return *m.next
}

func (m *mutator) line(at token.Pos) int { return m.pkg.Fset.Position(at).Line }

// declaration mutates one function.
func (m *mutator) declaration(declaration *ast.FuncDecl) {
	m.function, m.from, m.to = declaration.Name.Name, m.line(declaration.Pos()), m.line(declaration.End())
	if declaration.Recv != nil && len(declaration.Recv.List) > 0 {
		m.function = m.source.text(declaration.Recv.List[0].Type) + "." + m.function
	}
	if declaration.Body != nil {
		signature, _ := m.pkg.TypesInfo.Defs[declaration.Name].Type().(*types.Signature)
		m.body(signature, declaration.Body)
	}
}

func (m *mutator) body(signature *types.Signature, body *ast.BlockStmt) {
	m.results = append(m.results, signature)
	m.visit(body)
	m.results = m.results[:len(m.results)-1]
}

// visit mutates a node: what it opens before its children, and what it closes after
// them.
func (m *mutator) visit(node ast.Node) {
	m.prepare(node)
	done := m.open(node)
	if literal, ok := node.(*ast.FuncLit); ok {
		signature, _ := m.pkg.TypesInfo.TypeOf(literal).(*types.Signature)
		m.body(signature, literal.Body)
	} else {
		for _, child := range children(node) {
			m.visit(child)
		}
	}
	for i := len(done) - 1; i >= 0; i-- {
		done[i]()
	}
}

// prepare notes what the children need to know of their parent.
func (m *mutator) prepare(node ast.Node) {
	list := func(statements []ast.Stmt) {
		for _, statement := range statements {
			m.inBlock[statement] = true
		}
	}
	switch node := node.(type) {
	case *ast.BlockStmt:
		list(node.List)
	case *ast.CaseClause:
		list(node.Body)
	case *ast.CommClause:
		list(node.Body)
	case *ast.IfStmt:
		m.guards[node.Cond] = node.Else == nil && leaves(node.Body.List)
	case *ast.SwitchStmt:
		if node.Tag != nil {
			return
		}
		for _, clause := range node.Body.List {
			clause, _ := clause.(*ast.CaseClause)
			for _, expression := range clause.List {
				m.guards[expression] = leaves(clause.Body)
			}
		}
	default:
	}
}

// open writes what comes before a node, and returns what closes it, outermost first.
func (m *mutator) open(node ast.Node) []func() {
	var done []func()
	wrap := func(before, after string) {
		m.source.open(node.Pos(), before)
		done = append(done, func() { m.source.close(node.End(), after) })
	}
	if expression, ok := node.(ast.Expr); ok && m.isBool(expression) {
		if guard, condition := m.guards[expression]; condition {
			wrap(fmt.Sprintf("zzmutation.Not(%d, ", m.add(node, "negate")), ")")
			if guard {
				wrap(fmt.Sprintf("zzmutation.Guard(%d, ", m.add(node, "drop guard")), ")")
			}
		}
	}
	switch node := node.(type) {
	case *ast.BinaryExpr:
		m.operator(node, wrap)
	case *ast.ExprStmt:
		if call, ok := node.X.(*ast.CallExpr); ok && m.inBlock[node] && m.source.text(call.Fun) != "panic" {
			wrap(fmt.Sprintf("if !zzmutation.On(%d) { ", m.add(node, "drop call")), " }")
		}
	case *ast.DeferStmt:
		if m.inBlock[node] {
			wrap(fmt.Sprintf("if !zzmutation.On(%d) { ", m.add(node, "drop defer")), " }")
		}
	case *ast.AssignStmt:
		if m.inBlock[node] && node.Tok != token.DEFINE && assignsFields(node) {
			wrap(fmt.Sprintf("if !zzmutation.On(%d) { ", m.add(node, "drop assignment")), " }")
		}
	case *ast.ReturnStmt:
		m.result(node)
	default:
	}
	return done
}

// operator swaps && and ||, and moves the edge of a comparison.
func (m *mutator) operator(node *ast.BinaryExpr, wrap func(before, after string)) {
	if !m.isBool(node) {
		return
	}
	between := func(text string) { m.source.replace(node.X.End(), node.Y.Pos(), text) }
	function := map[token.Token]string{token.LAND: "And", token.LOR: "Or"}[node.Op]
	if function != "" {
		wrap(fmt.Sprintf("zzmutation.%s(%d, ", function, m.add(node, "swap "+node.Op.String())), " })")
		between(", func() bool { return ")
		return
	}
	function = map[token.Token]string{token.LSS: "Less", token.LEQ: "LessEqual", token.GTR: "LessEqual", token.GEQ: "Less"}[node.Op]
	left, right := m.pkg.TypesInfo.Types[node.X], m.pkg.TypesInfo.Types[node.Y]
	if function == "" || left.Value != nil && right.Value != nil || !ordered(left.Type) || !types.Identical(left.Type, right.Type) {
		return
	}
	not := ""
	if node.Op == token.GTR || node.Op == token.GEQ {
		not = "!" // a > b is not a <= b, but for NaN
	}
	wrap(fmt.Sprintf("%szzmutation.%s(%d, ", not, function, m.add(node, "edge "+node.Op.String())), ")")
	between(", ")
}

// result returns nil for an error, and the other truth value.
func (m *mutator) result(node *ast.ReturnStmt) {
	signature := m.results[len(m.results)-1]
	if signature == nil || !m.inBlock[node] || len(node.Results) == 0 || len(node.Results) != signature.Results().Len() {
		return
	}
	last := node.Results[len(node.Results)-1]
	kind, other := "", ""
	switch text := m.source.text(last); {
	case text == "true":
		kind, other = "return false", "false"
	case text == "false":
		kind, other = "return true", "true"
	case text != "nil" && isError(signature.Results().At(signature.Results().Len()-1).Type()):
		kind, other = "return nil", "nil"
	default:
		return
	}
	if name, ok := last.(*ast.Ident); kind != "return nil" && (!ok || m.pkg.TypesInfo.Uses[name] != types.Universe.Lookup(name.Name)) {
		return
	}
	var rest strings.Builder
	for _, result := range node.Results[:len(node.Results)-1] {
		rest.WriteString(m.source.text(result) + ", ")
	}
	m.source.open(node.Pos(), fmt.Sprintf("if zzmutation.On(%d) { return %s%s }; ", m.add(node, kind), rest.String(), other))
}

func (m *mutator) isBool(expression ast.Expr) bool {
	value, ok := m.pkg.TypesInfo.Types[expression]
	return ok && value.Value == nil && value.IsValue() && types.Identical(types.Default(value.Type), types.Typ[types.Bool])
}

func ordered(of types.Type) bool {
	basic, ok := of.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsOrdered != 0 && basic.Info()&types.IsUntyped == 0
}

func isError(of types.Type) bool { return types.Identical(of, types.Universe.Lookup("error").Type()) }

// assignsFields reports whether all that is assigned to can be read elsewhere.
func assignsFields(node *ast.AssignStmt) bool {
	for _, left := range node.Lhs {
		switch left.(type) {
		case *ast.SelectorExpr, *ast.IndexExpr, *ast.StarExpr:
		default:
			return false
		}
	}
	return true
}

// leaves reports whether statements end by leaving the block around them.
func leaves(statements []ast.Stmt) bool {
	if len(statements) == 0 {
		return false
	}
	switch last := statements[len(statements)-1].(type) {
	case *ast.ReturnStmt:
		return true
	case *ast.BranchStmt:
		return last.Tok == token.CONTINUE || last.Tok == token.BREAK
	default:
		return false
	}
}
