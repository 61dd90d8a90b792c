package sqlfilter

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/filter"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// pairsVariable is how many pairs of a rule and a row are compared on each database.
const pairsVariable = "SALLYPORT_TEST_FILTERS"

const rowsPerRule = 500

func timeOf(micro int64) time.Time { return time.UnixMicro(micro).UTC() }

// A comparison holds the gate, a filter in memory and SQL against each other.
type comparison struct {
	types

	dialect Dialect
	db      *sql.DB
	rows    []row
	random  *rand.Rand
}

func newComparison(t *testing.T, dialect Dialect, seed uint64) *comparison {
	t.Helper()
	made := &comparison{types: typesOf(t), dialect: dialect, random: rand.New(rand.NewPCG(seed, 1))}
	if dialect == SQLite {
		made.db = onSQLite(t)
	} else {
		made.db = onPostgreSQL(t)
	}
	for key := range rowsPerRule {
		made.rows = append(made.rows, made.randomRow(made.random, key, dialect))
	}
	insert(t, made.db, dialect, made.rows)
	return made
}

// seen returns the keys of the rows of a batch that a query by a filter's SQL has. The
// filter stands beside other conditions, and its arguments behind others.
func (c *comparison) seen(t *testing.T, where string, arguments []any, batch int) map[int]bool {
	t.Helper()
	place := "?"
	if c.dialect == PostgreSQL {
		place = "$1"
	}
	rows, err := c.db.Query("SELECT i.key FROM items AS i WHERE i.batch = "+place+" AND "+where+" OR i.batch = 99", append([]any{batch}, arguments...)...)
	if err != nil {
		t.Fatalf("%s %q: %v", where, arguments, err)
	}
	defer rows.Close()
	seen := map[int]bool{}
	for rows.Next() {
		var key int
		if err := rows.Scan(&key); err != nil {
			t.Fatal(err)
		}
		seen[key] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s %q: %v", where, arguments, err)
	}
	return seen
}

// A rule is a random one, with a call that it is looked at for.
type rule struct {
	texts   []string
	list    *policy.List
	request proto.Message
	filter  filter.Filter
	where   string
	values  []any
}

// rule makes one of one or two grants and writes it as SQL.
func (c *comparison) rule(t *testing.T, shapes map[string]int) rule {
	t.Helper()
	made := rule{request: c.randomRequest(c.random)}
	for range 1 + c.random.IntN(2) {
		made.texts = append(made.texts, randomRule(c.random, c.random.IntN(4), shapes))
	}
	made.list = c.list(t, made.texts...)
	mapping, err := New(c.dialect, made.list.Rule(), columns(c.dialect))
	if err != nil {
		t.Fatalf("%s: %v", made.texts, err)
	}
	if made.filter, err = made.list.Filter(t.Context(), inputOf(made.request)); err != nil {
		t.Fatalf("%s: %v", made.texts, err)
	}
	if made.where, made.values, err = mapping.Where(made.filter, 2); err != nil {
		t.Fatalf("%s: %v", made.texts, err)
	}
	return made
}

// The gate, a filter in memory and SQL let the same rows be seen.
func TestSQLSaysWhatTheGateSays(t *testing.T) {
	t.Parallel()
	pairs := 100_000 / raced
	if text := os.Getenv(pairsVariable); text != "" {
		var err error
		if pairs, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for name, dialect := range map[string]Dialect{"SQLite": SQLite, "PostgreSQL": PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			c := newComparison(t, dialect, seed)
			compared, some, shapes := 0, 0, map[string]int{}
			for compared < pairs {
				rule, held := c.rule(t, shapes), 0
				for batch := range 2 {
					seen := c.seen(t, rule.where, rule.values, batch+1)
					for _, row := range c.rows {
						want, err := rule.list.Holds(t.Context(), inputOf(rule.request), row.item)
						if err != nil {
							t.Fatalf("%s: %v", rule.texts, err)
						}
						if row.batch != batch+1 {
							if seen[row.key] {
								t.Fatalf("%s shows what another condition keeps out: %s", rule.texts, rule.where)
							}
							continue
						}
						compared++
						if want {
							held++
						}
						if matches := rule.filter.Matches(row.item); matches != want || seen[row.key] != want {
							t.Fatalf("%s\nof %v\nwith %v\nthe gate says %t, the filter %t and SQL %t:\n%s %q", rule.texts,
								prototext.Format(row.item), prototext.Format(rule.request), want, matches, seen[row.key], rule.where, rule.values)
						}
					}
				}
				if held > 0 && held < len(c.rows) {
					some++
				}
			}
			if some*3 < compared/len(c.rows) {
				t.Errorf("%d of %d rules show some rows and not others", some, compared/len(c.rows))
			}
			t.Logf("%d pairs, %d rules show some rows and not others", compared, some)
		})
	}
}

// Each shape of a comparison is true of some rows and false of others, of which the test
// above would else say nothing; and of each the negation is too.
func TestShapesVary(t *testing.T) {
	c := &comparison{types: typesOf(t), random: rand.New(rand.NewPCG(7, 7))}
	for key := range rowsPerRule {
		c.rows = append(c.rows, c.randomRow(c.random, key, SQLite))
	}
	always := map[string]bool{
		`item.owner.nick in []`: true, `item.small >= 18446744073709551615u`: true, `item.pinned in [true, false]`: true,
		`item.small < 18446744073709551615u`: true, `item.small != 9223372036854775808u`: true,
	}
	for _, shape := range atoms {
		t.Run(shape, func(t *testing.T) {
			var shown, hidden, negated bool
			for range 30 {
				text := constants(c.random, shape)
				list, not := c.list(t, text), c.list(t, "!("+text+")")
				input := inputOf(c.randomRequest(c.random))
				for _, row := range c.rows {
					if shown && hidden && negated {
						return
					}
					one, _ := list.Holds(t.Context(), input, row.item)
					other, _ := not.Holds(t.Context(), input, row.item)
					shown, hidden, negated = shown || one, hidden || !one, negated || other
				}
			}
			if !always[shape] {
				t.Errorf("shown %t, hidden %t, shown by the negation %t", shown, hidden, negated)
			}
		})
	}
}

// A mutant is a fault in what is written, which the comparison must find.
type mutant struct {
	name   string
	mutate func(where string) string
}

func mutants(dialect Dialect) []mutant {
	replaced := func(pattern, with string) func(string) string {
		of := regexp.MustCompile(pattern)
		return func(where string) string { return of.ReplaceAllString(where, with) }
	}
	is, name := " IS NOT ", `(\(?[a-z_.]+(?:::text)?\)?(?: COLLATE [A-Z"]+)?)`
	collation := replaced(` COLLATE BINARY`, "")
	if dialect == PostgreSQL {
		is = " IS DISTINCT FROM "
		collation = replaced(`\((i\.[a-z_]+|readers\.reader|COALESCE\([a-z_.]+::text, '[A-Z_]*'\))(?:::text)?\) COLLATE "C"`, "$1")
	}
	return []mutant{
		{"the outer parentheses", func(where string) string { return strings.TrimSuffix(strings.TrimPrefix(where, "("), ")") }},
		{"inner parentheses", func(where string) string {
			at := strings.LastIndex(where, " AND (")
			if at < 0 {
				return where
			}
			depth := 0
			for i := at + len(" AND "); i < len(where); i++ {
				switch where[i] {
				case '(':
					depth++
				case ')':
					depth--
				}
				if depth == 0 {
					return where[:at+len(" AND ")] + where[at+len(" AND ("):i] + where[i+1:]
				}
			}
			return where
		}},
		{"the collation", collation},
		{"NULL that is zero", replaced(`COALESCE\(([a-z_.]+(?:::text)?), (?:0|'[A-Z_]*')\)`, "$1")},
		{"NULL that is false", replaced(`IS NOT TRUE`, "IS FALSE")},
		{"NULL in a negation", replaced(name+` <> `, "$1"+is)},
		{"a polarity", replaced(` <> `, " = ")},
		{"a polarity of membership", replaced(` NOT IN `, " IN ")},
		{"a polarity of rows", replaced(`NOT EXISTS`, "EXISTS")},
		{"a polarity of presence", replaced(` IS NULL`, " IS NOT NULL")},
		{"a bound", replaced(` >= `, " > ")},
	}
}

// Each fault of what is written is found by the comparison.
func TestComparisonFindsFaults(t *testing.T) {
	t.Parallel()
	for name, dialect := range map[string]Dialect{"SQLite": SQLite, "PostgreSQL": PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newComparison(t, dialect, 3)
			var rules []rule
			for range 250 {
				rules = append(rules, c.rule(t, map[string]int{}))
			}
			for _, mutant := range mutants(dialect) {
				if !c.finds(t, rules, mutant) {
					t.Errorf("nothing finds that %s is dropped", mutant.name)
				}
			}
		})
	}
}

// finds reports whether some rule shows other rows with a fault than without. A query that
// the database refuses is none.
func (c *comparison) finds(t *testing.T, rules []rule, mutant mutant) bool {
	t.Helper()
	for _, rule := range rules {
		where := mutant.mutate(rule.where)
		if where == rule.where {
			continue
		}
		if fmt.Sprint(c.seen(t, where, rule.values, 1)) != fmt.Sprint(c.seen(t, rule.where, rule.values, 1)) {
			return true
		}
	}
	return false
}
