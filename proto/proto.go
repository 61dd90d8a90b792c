// Package proto holds the .proto files that users of Sallyport import, so that the
// version of the module in a user's go.mod is the version of the options too.
package proto

import "embed"

// Files holds sallyport/v1/*.proto under the paths by which .proto files import
// them.
//
//go:embed sallyport/v1/*.proto
var Files embed.FS
