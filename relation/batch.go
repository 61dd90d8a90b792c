package relation

import "context"

// A Batcher is an [Engine] that answers several queries at once, such as one over a network. It
// is asked about the elements of a list together. One that is no Batcher is asked about one
// after another.
type Batcher interface {
	Engine
	// CheckAll answers each of the queries as [Engine].Check would, in their order. There is at
	// least one, and no two are the same. With an error none of them holds; the errors are
	// those of Check.
	CheckAll(ctx context.Context, queries []Query) ([]bool, error)
}
