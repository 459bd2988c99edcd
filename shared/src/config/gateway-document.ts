// The gateway document: one schema for file, API and services.
export interface GatewayDocument {
  readonly placeholder: true;
}
export declare function parseGatewayDocument(source: unknown): GatewayDocument;
