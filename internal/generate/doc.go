// Package generate is the body of protoc-gen-action-go. Beside the package of a file's
// messages, say demov1, it writes two:
//
//   - demov1action, for servers: the handler interface that the application implements,
//     the interface of its checks, and the function that registers both;
//   - demov1client, for callers and servers alike: the client, and constants for service
//     names, procedures and roles. It links no gate.
//
// What they declare is named after what the .proto declares, in the form that
// protoc-gen-go gives each name:
//
//	demov1action  <Service>Handler  <Service>Checks  Register<Service>
//	demov1client  <Service>Client   New<Service>Client  <Service>Name
//	              <Service><Method>Procedure  <Enum><Value>, a role
//
// It writes nothing at all when any declaration in any of the files is refused, and then
// reports every refusal in all of them.
package generate
