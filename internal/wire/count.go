package wire

import (
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Cost is what decoding a message would make.
type Cost struct {
	// Items is the number of messages below the first, elements of lists and entries
	// of maps. An entry whose value is a message counts twice.
	Items int
	// Bytes is an estimate, rather high than low, of the memory that the decoded
	// message takes.
	Bytes int64
}

// A Counter counts what decoding would make. Its zero value is ready to use, and it
// is safe for concurrent use. It remembers a plan for each message type that it has
// met.
type Counter struct {
	plans      sync.Map // of *plan, by protoreflect.MessageDescriptor
	extensions sync.Map // of *field, by protoreflect.FieldDescriptor
	building   sync.Mutex
}

// depthLimit is how deep a Counter follows messages within messages. It is above the
// nesting that any decoder of this module accepts, so what lies deeper is never
// made.
const depthLimit = 128

// tokenFactor is how many times a decoder copies JSON besides what it makes of it: as
// tokens, and as the text of an error that quotes them.
const tokenFactor = 2

// Binary counts what decoding data, in the binary format, into a message of this
// type would make. It stops where there are more items than limit; the cost then
// says limit+1 or more.
//
// Malformed data is counted up to where a decoder gives up.
func (c *Counter) Binary(message protoreflect.MessageDescriptor, data []byte, limit int) Cost {
	plan := c.plan(message)
	walk := binaryWalk{counter: c, limit: limit, cost: Cost{Bytes: plan.size}}
	walk.message(plan, data, depthLimit)
	return walk.cost
}

// JSON counts what decoding data, in protobuf's JSON mapping, into a message of this
// type would make. It stops where there are more items than limit; the cost then
// says limit+1 or more.
//
// What is inside google.protobuf.Any, or belongs to an extension, is counted without
// its type and may count up to three times. Data that is no JSON is counted as if
// every comma and bracket made something.
func (c *Counter) JSON(message protoreflect.MessageDescriptor, data []byte, limit int) Cost {
	plan := c.plan(message)
	walk := jsonWalk{data: data, limit: limit, cost: Cost{Bytes: plan.size + tokenFactor*int64(len(data))}}
	walk.message(plan, depthLimit)
	if walk.space() != 0 {
		walk.rest() // there must be nothing more; a decoder says so
	}
	return walk.cost
}

// plan returns the plan for a message type.
func (c *Counter) plan(message protoreflect.MessageDescriptor) *plan {
	if known, ok := c.plans.Load(message); ok {
		return known.(*plan) //nolint:forcetypeassert // nothing else is in there
	}
	c.building.Lock()
	defer c.building.Unlock()
	// Plans refer to each other, and become visible when all of them are whole.
	made := make(map[protoreflect.MessageDescriptor]*plan)
	result := c.build(message, made)
	for message, plan := range made {
		c.plans.Store(message, plan)
	}
	return result
}

// extension returns the plan of an extension field.
func (c *Counter) extension(descriptor protoreflect.FieldDescriptor) *field {
	if known, ok := c.extensions.Load(descriptor); ok {
		return known.(*field) //nolint:forcetypeassert // nothing else is in there
	}
	c.building.Lock()
	defer c.building.Unlock()
	made := make(map[protoreflect.MessageDescriptor]*plan)
	result := c.buildField(descriptor, made)
	for message, plan := range made {
		c.plans.Store(message, plan)
	}
	c.extensions.Store(descriptor, result)
	return result
}
