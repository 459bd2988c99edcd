// dcmjs-dimse as a second sender, independent of DCMTK and of our own upper layer.
import dcmjsDimse from 'dcmjs-dimse';

const { Client } = dcmjsDimse;
const { CEchoRequest, CStoreRequest } = dcmjsDimse.requests;
// Its log goes to the console at level info, which would bury the results of tests.
dcmjsDimse.log.setLevel('error');
const CALLED = 'GATEWAY';
const CALLING = 'DCMJS';

type Request = InstanceType<typeof CEchoRequest> | InstanceType<typeof CStoreRequest>;

/** The status of the C-ECHO response. */
export const echoByDcmjs = (port: number): Promise<number> => send(port, new CEchoRequest());

/** The status of the C-STORE response for one Part 10 file. */
export const storeByDcmjs = (port: number, file: string): Promise<number> => send(port, new CStoreRequest(file));

function send(port: number, request: Request): Promise<number> {
  return new Promise((resolve, reject) => {
    let status: number | undefined;
    const client = new Client();
    request.on('response', (response) => {
      status = response.getStatus();
    });
    client.on('networkError', reject);
    client.on('associationRejected', (result) => reject(new Error(`rejected: ${JSON.stringify(result)}`)));
    client.on('closed', () => (status === undefined ? reject(new Error('closed without a response')) : resolve(status)));
    client.addRequest(request);
    client.send('127.0.0.1', port, CALLING, CALLED);
  });
}
