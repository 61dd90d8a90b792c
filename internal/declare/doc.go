// Package declare reads the declaration of an action from its method descriptor
// and says what is wrong with it. The code generator, lint and the registry all
// stand on this package, so that each of them refuses the same things under the
// same rule ids.
//
// What it cannot understand it refuses: an option that was not linked in, a field
// or an enum number that this build does not know.
package declare
