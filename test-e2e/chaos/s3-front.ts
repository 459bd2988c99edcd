// Stands in front of the S3 server on its machine, and does to requests what the suite says: a process, told by messages of its parent.
import { type Rule, startS3FaultProxy } from '@causeway/shared/object-store/s3-fault-proxy-for-tests';

const [address, port, serverPort] = process.argv.slice(2);
const proxy = await startS3FaultProxy(Number(serverPort), { address: address!, port: Number(port) });
process.on('message', (rules: Rule[]) => proxy.behave(...rules));
process.on('disconnect', () => process.exit(0));
process.send!('listening');
