package actionserver

import "context"

// A Context is a context for a call of which an Accountant is to know, as [WithAccountant]
// returns, for a server that keeps it in what it makes for each call anyway. A nil
// Accountant takes away the one that the context has.
type Context struct {
	context.Context //nolint:containedctx // it is a context

	Accountant Accountant
}

// Value implements [context.Context].
func (c *Context) Value(key any) any {
	if key == (accountantKey{}) {
		return c.Accountant
	}
	return c.Context.Value(key)
}
