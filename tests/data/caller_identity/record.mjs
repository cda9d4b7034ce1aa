// Records smithy-signature-v4.url: one presigned GetCallerIdentity by the AWS SDK for JavaScript's
// signer, at a fixed instant and with keys of nobody's (tests/unit/identity_maker.h).
//   npm install @smithy/signature-v4@5.7.5 @aws-crypto/sha256-js@5.2.0
//   node record.mjs > smithy-signature-v4.url
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const { SignatureV4 } = require("@smithy/signature-v4");
const { Sha256 } = require("@aws-crypto/sha256-js");

const host = "sts.us-east-1.amazonaws.com";
const signer = new SignatureV4({
  service: "sts", region: "us-east-1", sha256: Sha256,
  credentials: {
    accessKeyId: "ASIARZPUZDIKFJKRENE2",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    sessionToken: "IQoJb3JpZ2luX2VjEXAMPLE/abc+def==",
  },
});
const made = await signer.presign({
  method: "GET", protocol: "https:", hostname: host, path: "/",
  headers: { host, "x-k8s-aws-id": "payments.example.com" },
  query: { Action: "GetCallerIdentity", Version: "2011-06-15" },
}, { expiresIn: 60, signingDate: new Date("2026-11-24T10:00:00Z") });
// as @aws-sdk/util-format-url writes it
const query = Object.keys(made.query).sort()
  .map((name) => encodeURIComponent(name) + "=" + encodeURIComponent(made.query[name])).join("&");
console.log("https://" + made.hostname + made.path + "?" + query);
