package server

import (
	"net/netip"
	"sync"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/internal/comeagain"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// WithMaxPendingBytes sets how much memory all calls together may take that are
// being decoded, or whose callers are not authenticated: the bytes of their messages,
// and an estimate of what decoding makes of them. A call that has no room ends as
// resource_exhausted, with a hint when to come again. What a call for an anonymous
// action takes counts until it ends. By default it is 256 MiB, or 8 messages of the
// largest size if that is more. At least it is 16 MiB, and 8 such messages.
//
// The memory of the process is larger: Go keeps about as much again until it
// collects garbage, and what the handlers of authenticated callers take is theirs.
func WithMaxPendingBytes(limit int64) Option {
	return option.Func[settings](func(s *settings) error {
		s.pendingBytes = max(limit, 1)
		return nil
	}) // 0 would be the default
}

const (
	defaultPending = 256 << 20
	leastPending   = 16 << 20
	leastMessages  = 8 // of the largest size
)

// A budget bounds the memory of all calls that are being decoded or whose callers
// are not authenticated, over all connections of a server. It is safe for concurrent
// use.
//
// One address gets no more than what is left for others: alone it may hold half of
// the budget, two may hold a third each, and so on. So there is always something
// left for an address that holds nothing, however many connections the others have.
type budget struct {
	limit int64

	mu     sync.Mutex
	used   int64
	shares map[netip.Prefix]int64 // what each address holds; none holds nothing
}

func newBudget(limit int64) *budget {
	return &budget{limit: limit, shares: map[netip.Prefix]int64{}}
}

// take takes more of the budget for an address. It reports whether that much was
// left.
func (b *budget) take(address netip.Prefix, bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	share, used := b.shares[address]+bytes, b.used+bytes
	if share > b.limit-used {
		return false
	}
	b.used, b.shares[address] = used, share
	return true
}

// give gives back what take took.
func (b *budget) give(address netip.Prefix, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= bytes
	if share := b.shares[address] - bytes; share > 0 {
		b.shares[address] = share
	} else {
		delete(b.shares, address)
	}
}

// comeAgain is after how long a caller that was shed is asked to come again.
const comeAgain = time.Second

// retryAfter says the same in a header.
var retryAfter = comeagain.Header(comeAgain)

// errBusy answers a caller when the budget is used up.
var errBusy = comeAgainLater("the server has too much to read; come again later")

// comeAgainLater returns the error of a call that was shed.
func comeAgainLater(text string) *connect.Error {
	return comeagain.With(connect.NewError(connect.CodeResourceExhausted, text), comeAgain)
}

// A charge is what one call holds of the budget: the bytes of the message that is
// being read, and what its decoding makes. Once the caller is authenticated, only
// what is being decoded counts. It is safe for concurrent use.
type charge struct {
	budget  *budget
	address netip.Prefix

	mu            sync.Mutex
	held          int64 // of the budget
	open          int64 // for the call itself
	reading       int64 // bytes of the current message
	decoded       int64 // bytes of what was decoded last
	unread        int64 // bytes of the answer of an anonymous action that are not sent
	authenticated bool
	ended         bool
	shed          bool // the budget had nothing left for this call
}

const (
	// granule is the least that a message takes of the budget, so that a small one takes
	// from it once.
	granule = 16 << 10
	// callBytes is what a call takes before anything of it is read: the goroutine, the
	// stream's buffers, the header. Some 25 KB were measured on HTTP/2.
	callBytes = 32 << 10
	// growth is how many bytes are held for each that is read: buffers grow by doubling.
	growth = 2
)

// begin counts the call itself, and what its transport may hold of it that is not read.
func (c *charge) begin(unread int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = callBytes + unread
	return c.settle()
}

// read counts bytes that were read of a message.
func (c *charge) read(bytes int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading += growth * int64(bytes)
	return c.settle()
}

// decode counts what decoding a message of this size is about to make. What the
// message before it made belongs to the handler, or is gone.
func (c *charge) decode(size int, makes int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	// What was not read as it is came out of a compression, or of a URL.
	if inflated := growth * int64(size); inflated > c.reading {
		c.reading += inflated
	}
	c.decoded = makes
	return c.settle()
}

// done says that a message was decoded, or skipped: what it was read into is free.
func (c *charge) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = 0
	if c.authenticated {
		c.decoded = 0
	}
	_ = c.settle() // it never takes more
}

// authenticate says that the caller is known: what was decoded so far is a
// principal's.
func (c *charge) authenticate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.authenticated, c.open, c.reading, c.decoded = true, 0, 0, 0
	_ = c.settle() // it never takes more
}

// send counts bytes that are about to be sent, on an anonymous action.
func (c *charge) send(bytes int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.authenticated {
		return nil
	}
	c.unread += int64(bytes)
	err := c.settle()
	if err != nil {
		c.unread -= int64(bytes)
	}
	return err
}

// sent says that what was sent is with the connection.
func (c *charge) sent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unread = 0
	_ = c.settle() // it never takes more
}

// took says that the connection has some of what was sent.
func (c *charge) took(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unread = max(c.unread-bytes, 0) // it was not counted where the caller is known
	_ = c.settle()                    // it never takes more
}

// end gives everything back.
func (c *charge) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	_ = c.settle() // it never takes more
}

// settle makes held what it has to be. The caller holds mu.
func (c *charge) settle() error {
	needed := c.reading + c.decoded + c.unread
	needed = c.open + (needed+granule-1)/granule*granule
	if c.ended {
		needed = 0
	}
	switch {
	case needed < c.held:
		c.budget.give(c.address, c.held-needed)
	case needed > c.held:
		if !c.budget.take(c.address, needed-c.held) {
			c.shed = true
			return errBusy
		}
	}
	c.held = needed
	return nil
}

// isShed reports whether the budget had nothing left for this call.
func (c *charge) isShed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shed
}
