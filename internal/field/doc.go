// Package field clears from messages what a caller may not read, and decides what requests
// may write and name: by the fields that carry (sallyport.v1.field), wherever they stand. It
// knows no transport and no registry.
//
// A plan is made of each message type once. It says which fields are guarded, and which
// lead to messages with such fields, so that nothing else is looked at; of a type from
// which no guarded field is reached there is no plan.
package field
