// Package proto holds the .proto files that users of Sallyport import, so that the
// version of the module in a user's go.mod is the version of the options too.
package proto

import "embed"

// Files holds sallyport/v1/action.proto under the path by which .proto files import it.
// The other files beside it are imported by none.
//
//go:embed sallyport/v1/action.proto
var Files embed.FS
